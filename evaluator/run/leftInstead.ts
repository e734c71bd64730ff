import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { contentKind } from '../../datasets/contentKind.ts';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { textName } from '../../datasets/textName.ts';
import { predictionsFile } from '../contract.ts';

/** Names beyond these are not shown: a predict stage has seen the withheld images and chooses the names. */
const mostNames = 3;
const isLookalike = (name: string) => /^pred.*\.(?:np[yz]|csv|json|pt|pth|pkl|txt)/i.test(name);

/**
 * Says what a predict stage left where predictions.npy is missing, as the end of a sentence; null if it left nothing.
 * Names are quoted and few. Call it when no process of the stage is alive and before the output is reduced.
 * @param out the stage's output folder
 * @param entry folder of the entry, the stage's working folder; only files named like predictions are looked for in it
 */
export async function leftInstead(out: string, entry: string): Promise<string | null> {
  if ((await filesIn(entry)).includes(predictionsFile)) {
    return `there is one in the entry's folder, where predict is started; write it to $HAET_OUT_DIR/${predictionsFile}`;
  }
  const inOut = await describeNames('its output folder', out, await filesIn(out));
  return inOut ?? describeNames("the entry's folder", entry, (await filesIn(entry)).filter(isLookalike));
}

async function describeNames(
  where: string,
  folder: string,
  names: readonly string[],
): Promise<string | null> {
  if (names.length === 0) return null;
  const first = [...names].sort(
    (a, b) => Number(isLookalike(b)) - Number(isLookalike(a)) || (a < b ? -1 : 1),
  );
  const shown = await Promise.all(first.slice(0, mostNames).map((name) => describeFile(folder, name)));
  const more = names.length > mostNames ? ' and more' : '';
  return `${where} has ${shown.join(', ')}${more}`;
}

async function describeFile(folder: string, name: string): Promise<string> {
  const start = await firstBytes(join(folder, name)).catch(() => null);
  const kind = start === null ? null : contentKind(start);
  return kind === null ? quoteUntrusted(name) : `${quoteUntrusted(name)}, which is ${kind}`;
}

/** Returns null if it is not a regular file. */
async function firstBytes(path: string): Promise<Uint8Array | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    if (!(await file.stat()).isFile()) return null;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Returns the names in a folder that is not a link; none if there is no such folder. */
async function filesIn(folder: string): Promise<string[]> {
  const facts = await lstat(folder).catch(() => null);
  if (facts === null || !facts.isDirectory()) return [];
  const names = await readdir(folder, { encoding: 'buffer' }).catch(() => []);
  return names.map(textName).filter((name) => name !== null);
}
