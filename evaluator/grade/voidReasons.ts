/** Every reason for which an attempt does not count. Fixed sentences: they are published. */
export const voidReasons = {
  fault: 'a fault of the machine or the evaluator',
  disturbed: 'disturbed by other work on the machine',
  died: 'the evaluator died during it',
  unsigned: 'its record is not signed, or the signature does not hold',
  damaged: 'its record is damaged',
  stopped: 'stopped by a person',
  unscored: 'it awaits its score',
} as const;
export type VoidReason = keyof typeof voidReasons;
