import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeFault } from '../datasets/describeFault.ts';
import { UserError } from '../datasets/userError.ts';
import type { BundleEvidence } from '../evaluator/grade/bundle/verifyBundle.ts';
import { hashFile } from '../evaluator/intake/hashFile.ts';
import type { Outcome } from './verifySeveral.ts';

const endings = /\.(?:tar|tar\.gz|tgz)$/i;
const gzip = Buffer.from([0x1f, 0x8b]);

/** Whether a path is a bundle of records, by its name or by its first bytes, and not a record. */
export async function isBundle(path: string): Promise<boolean> {
  if (endings.test(path)) return true;
  const file = await open(path).catch(() => null);
  try {
    if (file === null || !(await file.stat()).isFile()) return false;
    return (await file.read(Buffer.alloc(2), 0, 2, 0)).buffer.equals(gzip);
  } finally {
    await file?.close();
  }
}

/**
 * Verifies a bundle of records.
 * @throws UserError if it cannot be read
 */
export async function verifyOneBundle(path: string, evidence: BundleEvidence): Promise<Outcome> {
  const sha256 = await hashFile(resolve(path)).catch((error) => {
    throw new UserError({
      path,
      reason: `cannot be read (${describeFault(error)})`,
      remedy: 'Give a bundle that `haet export` wrote.',
    });
  });
  // Loaded here because it is too slow for --help.
  const { verifyBundle } = await import('../evaluator/grade/bundle/verifyBundle.ts');
  const { holds, checks, standing, signed, ownCommitment } = await verifyBundle(resolve(path), evidence);
  const width = Math.max(...checks.map(({ name }) => name.length));
  const notChecked = [
    ...(evidence.key === null
      ? ['who made it: its runs are not signed, so anyone could have written them']
      : []),
    ...(evidence.key !== null && evidence.head === undefined
      ? ['whether records were signed after the last one, because --head is missing']
      : []),
    ...(ownCommitment
      ? ['whether its commitment is the published one, because --commitment is missing']
      : []),
    evidence.key === null
      ? 'the receipts and the reasons of decisions, which nothing signs: compare the sha256 with the published one'
      : 'whether a later bundle was exported: compare the sha256 with the published one',
  ];
  return {
    holds,
    lines: [
      ...checks.map(
        ({ name, holds, says }) => `  ${holds ? 'holds' : 'FAILS'}  ${name.padEnd(width)}  ${says}`,
      ),
      ...(holds ? notChecked.map((each) => `  not checked: ${each}`) : []),
      `sha256 ${sha256}`,
      holds
        ? `${path} holds: ${standing!.rows.length} archives, ${standing!.runs.done} of ${standing!.runs.wanted} runs, ${signed} signed records`
        : `${path} does not hold: ${checks.at(-1)!.says}`,
    ],
    json: { holds, sha256, checks, notChecked: holds ? notChecked : [], signed, leaderboard: standing },
  };
}
