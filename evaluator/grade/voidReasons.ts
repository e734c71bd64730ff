/** Reasons why an attempt does not count. The sentences are fixed, because they are published. */
export const voidReasons = {
  fault: 'a fault of the machine or the evaluator',
  disturbed: 'disturbed by other work on the machine',
  died: 'the evaluator died during it',
  unsigned: 'its record is not signed, or the signature does not hold',
  damaged: 'its record is damaged',
  stopped: 'stopped by a person',
  unscored: 'not scored yet',
  replaced: 'replaced by a rejudging',
  withdrawn: 'made for a rejudging that was cancelled',
  canary: 'made between a canary that was good and one that was out of its band',
  running: 'given to the cluster and not finished yet',
} as const;
export type VoidReason = keyof typeof voidReasons;
