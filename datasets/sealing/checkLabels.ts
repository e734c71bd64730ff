import { UserError } from '../userError.ts';

/** @throws UserError when a label is no index into `classes`; `name` stands for the file */
export function checkLabels(name: string, labels: Uint8Array, classes: readonly string[]): void {
  const bad = labels.findIndex((label) => label >= classes.length);
  if (bad === -1) return;
  // The value is not told: the labels may be withheld ones.
  throw new UserError({
    path: name,
    reason: `the label at row ${bad} is not one of the ${classes.length} classes (expected 0 to ${classes.length - 1})`,
    remedy: 'Make the Track again.',
  });
}
