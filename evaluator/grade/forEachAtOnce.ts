/**
 * Calls `act` for every item, in order, with at most `most` calls in progress. After the first failure no other call
 * is started, and `failed` is told at once, so that calls in progress can end early.
 * @throws the first failure, after all calls in progress have ended
 */
export async function forEachAtOnce<T>(
  items: readonly T[],
  most: number,
  act: (item: T) => Promise<void>,
  failed: () => void = () => {},
): Promise<void> {
  const left = items.values();
  const failures: unknown[] = [];
  const work = async () => {
    // Workers share the iterator, so each item is taken once.
    for (const item of left) {
      if (failures.length > 0) return;
      try {
        await act(item);
      } catch (error) {
        failures.push(error);
        failed();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
  if (failures.length > 0) throw failures[0];
}
