import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plainText } from '../../datasets/plainText.ts';
import { type Status, statusFile, statusSchema } from './task.ts';

const mostLogCharacters = 300;

/** Reads what a node last told about a running attempt; null if nothing. */
export async function readStatus(attemptFolder: string): Promise<Status | null> {
  try {
    return statusSchema.parse(JSON.parse(await readFile(join(attemptFolder, statusFile), 'utf8')));
  } catch {
    return null;
  }
}

/** Returns the last line of a task's log; null if it has none. */
export async function lastWords(log: string): Promise<string | null> {
  const text = await readFile(log, 'utf8').catch(() => '');
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? null : plainText(line).slice(0, mostLogCharacters);
}
