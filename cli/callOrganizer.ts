import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { plainText } from '../datasets/plainText.ts';
import { UserError } from '../datasets/userError.ts';
import { parseVerifyKey } from '../evaluator/attest/signingKey.ts';
import { projectFolder } from '../evaluator/machine/version.ts';

/** The organizer, as a process that runs strangers may know him: by his public keys, and by what he does for it. */
export interface Organizer {
  /** `age1...`, to which labels are sealed. */
  readonly publicKey: string;
  readonly verifyKey: KeyObject;
  /**
   * Scores and signs the run in a folder.
   * @throws UserError with the fields of the error of the process that could not
   */
  score(folder: string): Promise<void>;
}

/**
 * Hands the path of an identity file, never what is in it, to other processes. To be called when no process of an entry
 * lives, as must be `score`: they read the file.
 * @param track folder of the sealed Track
 * @param chain folder of all runs, which holds the chain of signed records
 * @throws UserError where the identity cannot be read
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

/** What the called process reports of an error, see reportError.ts. */
const reportedErrorSchema = z.object({
  option: z.string().optional(),
  path: z.string().optional(),
  reason: z.string(),
  remedy: z.string().optional(),
});

/** @returns the last line of its standard output */
async function haet(...words: string[]): Promise<string> {
  const { exitCode, signal, stdout, stderr, ipcOutput } = await execa(
    process.execPath,
    [join(projectFolder, 'cli/bin.mjs'), ...words],
    // A Ctrl-C at the terminal ends what runs entries; a run that is over still gets its score.
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
