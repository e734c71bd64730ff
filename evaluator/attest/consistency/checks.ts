import type { RunRecord } from '../../run/record.ts';
import type { OfficialRecord } from '../officialRecord.ts';
import { digestFault, receiptFault } from './digests.ts';
import { intervalFault, scoreFault } from './score.ts';
import { heldFault, limitFault, timeFault, usageFault, verdictFault } from './stages.ts';

/** A check of a record, or of the part of it that has the type `Checked`. */
export interface ConsistencyCheck<Checked = OfficialRecord> {
  readonly name: string;
  /** What is known once it holds, for people. */
  readonly meaning: string;
  /** What does not hold, as a sentence; null when all does. */
  fault(checked: Checked): string | null;
}

/** What the record of any run, signed or not, says more than once, checked against each other. */
const runChecks: readonly ConsistencyCheck<{ readonly record: RunRecord }>[] = [
  {
    name: 'verdict',
    meaning: 'verdict, owner, score and the ends of all stages go together',
    fault: ({ record }) => verdictFault(record),
  },
  {
    name: 'score',
    meaning:
      'accuracy, and classes, confusion matrix and calibration where it has them, count the same images',
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
    meaning: 'no stage was let run on beyond its limit, and its overshoot follows from its times',
    fault: ({ record }) => timeFault(record),
  },
  {
    name: 'resources',
    meaning: 'the samples of resources are in order and lie within their stages',
    fault: ({ record }) => usageFault(record),
  },
];

/** The same for a signed record: a signature alone vouches for no sum. */
export const consistencyChecks: readonly ConsistencyCheck[] = [
  ...runChecks,
  {
    name: 'held',
    meaning: 'every limit was held by the sandbox, and no recorded use is beyond it',
    fault: ({ record }) => heldFault(record),
  },
  {
    name: 'kill receipts',
    meaning: 'nothing of the entry was left alive after a stage',
    fault: receiptFault,
  },
  {
    name: 'digests',
    meaning: 'the digests are those of the run',
    fault: digestFault,
  },
  {
    name: 'chain',
    meaning: 'it has a number among the records signed there, and names the one before',
    fault: chainPlaceFault,
  },
];

/** Returns what keeps a record from being signed, since nobody could verify it; null when nothing does. */
export function consistencyFault(official: OfficialRecord): string | null {
  return firstFault(consistencyChecks, official);
}

/** Returns what in the record of a run contradicts the rest of it, as a sentence; null when nothing does. */
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
    ? 'it is the first of its chain, and yet names a record before it'
    : `it is number ${number} of its chain, and names no record before it`;
}
