import type { RunRecord } from '../../run/record.ts';
import type { OfficialRecord } from '../officialRecord.ts';
import { digestFault, receiptFault } from './digests.ts';
import { intervalFault, scoreFault } from './score.ts';
import { heldFault, limitFault, timeFault, usageFault, verdictFault } from './stages.ts';

/** A check of a record, or of the part of it that has the type `Checked`. */
export interface ConsistencyCheck<Checked = OfficialRecord> {
  readonly name: string;
  /** What the check proves. */
  readonly meaning: string;
  /** Returns what does not hold, as a sentence; null if everything holds. */
  fault(checked: Checked): string | null;
}

/** Checks of the record of any run, signed or not, against itself. */
const runChecks: readonly ConsistencyCheck<{ readonly record: RunRecord }>[] = [
  {
    name: 'verdict',
    meaning: 'verdict, owner, score and the ends of all stages are consistent',
    fault: ({ record }) => verdictFault(record),
  },
  {
    name: 'score',
    meaning: 'accuracy, and classes, confusion matrix and calibration if it has them, count the same images',
    fault: ({ record }) => scoreFault(record),
  },
  {
    name: 'interval',
    meaning: 'the 95 % interval is Wilson’s for these counts',
    fault: ({ record }) => intervalFault(record),
  },
  {
    name: 'limits',
    meaning: 'every stage ran under the limits of the run',
    fault: ({ record }) => limitFault(record),
  },
  {
    name: 'times',
    meaning: 'no stage ran beyond its limit, and its overshoot follows from its times',
    fault: ({ record }) => timeFault(record),
  },
  {
    name: 'resources',
    meaning: 'the samples of resources are in order and within their stages',
    fault: ({ record }) => usageFault(record),
  },
];

/** Checks of a signed record against itself, because a signature does not prove that its figures are consistent. */
export const consistencyChecks: readonly ConsistencyCheck[] = [
  ...runChecks,
  {
    name: 'held',
    meaning: 'the sandbox enforced every limit, and no recorded use exceeds it',
    fault: ({ record }) => heldFault(record),
  },
  {
    name: 'kill receipts',
    meaning: 'no process of the entry survived a stage, unless the verdict is INFRA_FAULT',
    fault: receiptFault,
  },
  {
    name: 'digests',
    meaning: 'the digests are those of the run',
    fault: digestFault,
  },
  {
    name: 'chain',
    meaning: 'it has a number in its chain and names the previous record',
    fault: chainPlaceFault,
  },
];

/** Returns why a record must not be signed, because it would not verify; null if it may. */
export function consistencyFault(official: OfficialRecord): string | null {
  return firstFault(consistencyChecks, official);
}

/** Returns the first contradiction in the record of a run, as a sentence; null if there is none. */
export function contradictionIn(record: RunRecord): string | null {
  return firstFault(runChecks, { record });
}

function firstFault<Checked>(checks: readonly ConsistencyCheck<Checked>[], checked: Checked): string | null {
  for (const { fault } of checks) {
    const found = fault(checked);
    if (found !== null) return found;
  }
  return null;
}

function chainPlaceFault({ chain: { number, previousSha256 } }: OfficialRecord): string | null {
  if ((number === 1) === (previousSha256 === null)) return null;
  return number === 1
    ? 'it is the first of its chain but names a previous record'
    : `it is number ${number} of its chain but names no previous record`;
}
