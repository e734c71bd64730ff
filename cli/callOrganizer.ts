import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { plainText } from '../datasets/plainText.ts';
import { UserError } from '../datasets/userError.ts';
import { parseVerifyKey } from '../evaluator/attest/signingKey.ts';
import { projectFolder } from '../evaluator/machine/version.ts';

/**
 * What a process that runs untrusted entries knows of the organizer: the public keys, and a way to have runs scored.
 */
export interface Organizer {
  /** Public key `age1...` that labels are sealed to. */
  readonly publicKey: string;
  readonly verifyKey: KeyObject;
  /**
   * Scores and signs the run in a folder.
   * @throws UserError with the fields of the error of the process that failed
   */
  score(folder: string): Promise<void>;
}

/**
 * Passes the path of an identity file, never its content, to other processes. Call this and `score` only when no
 * process of an entry is alive, because they read the file.
 * @param track folder of the sealed Track
 * @param chain folder of all runs, with the chain of signed records
 * @throws UserError if the identity cannot be read
 */
export async function callOrganizer(identity: string, track: string, chain: string): Promise<Organizer> {
  const { publicKey, verifyKey } = JSON.parse(await haet('seal', 'keys', identity, '--json'));
  return {
    publicKey,
    verifyKey: parseVerifyKey(verifyKey),
    async score(folder) {
      await haet('score', folder, '--track', track, '--identity', identity, '--chain', chain);
    },
  };
}

/** An error as the called process reports it, see reportError.ts. */
const reportedErrorSchema = z.object({
  option: z.string().optional(),
  path: z.string().optional(),
  reason: z.string(),
  remedy: z.string().optional(),
});

/** Runs a haet command and returns the last line of its standard output. */
async function haet(...words: string[]): Promise<string> {
  const { exitCode, signal, stdout, stderr, ipcOutput } = await execa(
    process.execPath,
    [join(projectFolder, 'cli/bin.mjs'), ...words],
    // Ctrl-C at the terminal stops the process that runs entries; a run that has ended is still scored.
    { reject: false, detached: true, stdin: 'ignore', ipc: true, serialization: 'json' },
  );
  if (exitCode === 0) return stdout.trim().split('\n').at(-1)!;
  const told = reportedErrorSchema.safeParse(ipcOutput.at(-1));
  if (told.success) throw new UserError(told.data);
  // It ended before it could report: not built, out of memory, or a mistake of ours in its arguments.
  const last = stderr.trim().split('\n').at(-1);
  const ended = exitCode === undefined ? `by ${signal}` : `with status ${exitCode}`;
  throw new UserError({
    reason: `\`haet ${words[0]}\` ended ${ended}${last ? `: ${plainText(last)}` : ''}`,
    remedy: `Run \`haet ${words.join(' ')}\` to see why.`,
  });
}
