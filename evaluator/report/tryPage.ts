/**
 * Writes a page about runs whose records are already on disk, so that a failing page loses no result.
 * @param warn prints why there is no page
 * @returns what `write` returns, the path of the page; null if it failed
 */
export async function tryPage(
  write: () => Promise<string>,
  warn: (sentence: string) => void,
): Promise<string | null> {
  try {
    return await write();
  } catch (error) {
    warn(`the report could not be written: ${(error as Error).message}`);
    return null;
  }
}
