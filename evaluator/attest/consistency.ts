import { digestFault, receiptFault } from './digestFault.ts';
import type { OfficialRecord } from './officialRecord.ts';
import { intervalFault, scoreFault } from './scoreFault.ts';
import { limitFault, timeFault, usageFault } from './stageFault.ts';
import { verdictFault } from './verdictFault.ts';

export interface ConsistencyCheck {
  readonly name: string;
  /** What is known once it holds, for people. */
  readonly meaning: string;
  /** What does not hold, as a sentence; null when all does. */
  fault(official: OfficialRecord): string | null;
}

/** What a record says about itself more than once, checked against each other: a signature alone vouches for no sum. */
export const consistencyChecks: readonly ConsistencyCheck[] = [
  {
    name: 'verdict',
    meaning: 'verdict, owner, score and the ends of all stages go together',
    fault: ({ record }) => verdictFault(record),
  },
  {
    name: 'score',
    meaning: 'accuracy, classes, confusion matrix and calibration count the same images',
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
];
