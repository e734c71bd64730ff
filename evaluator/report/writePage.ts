import { rename, writeFile } from 'node:fs/promises';

/** Writes a page so that a reader sees the old one or the new one, never half of one. Returns its path. */
export async function writePage(file: string, html: string): Promise<string> {
  const unfinished = `${file}.${process.pid}.tmp`;
  await writeFile(unfinished, html);
  await rename(unfinished, file);
  return file;
}
