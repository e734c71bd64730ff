/**
 * Writes a page about runs whose records are safe on disk: a page that cannot be made must lose no result.
 * @param warn takes a sentence that says why there is no page
 * @returns what `write` returns, the path of the page; null where it failed
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
