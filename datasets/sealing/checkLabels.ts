import { UserError } from '../userError.ts';

/**
 * Checks that every label is an index into `classes`.
 * @param name replaces the path in messages
 * @throws UserError
 */
export function checkLabels(name: string, labels: Uint8Array, classes: readonly string[]): void {
  const bad = labels.findIndex((label) => label >= classes.length);
  if (bad === -1) return;
  // The value is not shown, because the labels may be withheld.
  throw new UserError({
    path: name,
    reason: `the label at row ${bad} is not one of the ${classes.length} classes (expected 0 to ${classes.length - 1})`,
    remedy: 'Make the Track again.',
  });
}
