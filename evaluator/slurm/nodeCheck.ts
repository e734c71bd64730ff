import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createFile, replaceFile } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';
import { shortCommit } from '../machine/version.ts';
import { unheld } from '../sandbox/holds.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Expected, nodesFolder, nonceFile } from './task.ts';

/** What a node found out about itself before its first attempt of a batch. */
const nodeSchema = z.strictObject({
  nonce: z.string().describe('as read from the shared folder'),
  unfit: z.string().nullable().describe('why it is left out, as a sentence; null if it is not'),
});
export type NodeFinding = z.infer<typeof nodeSchema>;

const mostClockSeconds = 5;

/** What a node is, compared with what it must be. */
export interface NodeFacts {
  readonly version: string;
  readonly commit: string | null;
  readonly tensorflow: string | null;
  readonly sandbox: Pick<Sandbox, 'kind' | 'image' | 'holds'>;
  /** Its clock minus that of the shared folder. */
  readonly clockSeconds: number;
  /** Secrets that it can read. */
  readonly readable: readonly string[];
}

/** Returns why a node is left out, as a sentence with what to do; null if it is fit. */
export function whyUnfit(facts: NodeFacts, expected: Expected): string | null {
  const text = (value: string | null) => (value === null ? 'none' : shortCommit(value));
  if (facts.version !== expected.version || facts.commit !== expected.commit) {
    return `it has haet ${facts.version}, commit ${text(facts.commit)}; expected ${expected.version}, commit ${text(expected.commit)}. Install the same there.`;
  }
  if (facts.tensorflow !== expected.tensorflow) {
    return 'its libtensorflow is not that of this machine. Run `haet setup` there.';
  }
  const { kind, image, holds } = facts.sandbox;
  if (expected.image !== null && image !== expected.image) {
    return `its image is ${image ?? 'none'}; expected ${expected.image}. Load the same image there.`;
  }
  const missing = expected.signed ? unheld(holds) : [];
  if (missing.length > 0) {
    return `its sandbox ${kind} does not enforce ${missing.join(', ')}, so its runs could not be signed.`;
  }
  if (Math.abs(facts.clockSeconds) > mostClockSeconds) {
    return `its clock differs by ${facts.clockSeconds.toFixed(1)} s from that of the shared folder. Set it by NTP.`;
  }
  const [secret] = facts.readable;
  return secret === undefined
    ? null
    : `it can read ${secret}. Keep secrets on a disk of the coordinator that no node mounts.`;
}

/** Returns a digest of the names and sizes of the TensorFlow libraries in a folder; null without one. */
export async function tensorflowDigest(folder: string | null): Promise<string | null> {
  if (folder === null) return null;
  const hash = createHash('sha256');
  const names = await readdir(folder, { recursive: true });
  for (const name of names.filter((each) => /libtensorflow[^/]*\.so[^/]*$/.test(each)).sort()) {
    hash.update(`${name} ${(await stat(join(folder, name))).size}\n`);
  }
  return hash.digest('hex');
}

/** Returns the image that a batch runs in: that of the first node that asks. */
export async function agreeOnImage(batch: string, image: string | null): Promise<string | null> {
  const path = join(batch, 'image');
  await createFile(path, image ?? '').catch((error) => {
    if (!(error instanceof UserError)) throw error;
  });
  return (await readFile(path, 'utf8')) || null;
}

/** Returns the seconds by which this machine's clock is ahead of that of a folder's file system. */
export async function clockAhead(folder: string, name: string): Promise<number> {
  const path = join(folder, `.clock-${name}`);
  const before = Date.now();
  await writeFile(path, '');
  const after = Date.now();
  const { mtimeMs } = await stat(path);
  if (mtimeMs < before) return (before - mtimeMs) / 1000;
  return mtimeMs > after ? (after - mtimeMs) / 1000 : 0;
}

/** Returns those of some paths that this process can read. */
export async function readableOf(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    await access(path, constants.R_OK).then(
      () => found.push(path),
      () => {},
    );
  }
  return found;
}

/** Writes what a node found; the coordinator and the node's later tasks read it. */
export async function writeFinding(batch: string, node: string, unfit: string | null): Promise<void> {
  await mkdir(join(batch, nodesFolder), { recursive: true });
  const nonce = (await readFile(join(batch, nonceFile), 'utf8')).trim();
  const finding: NodeFinding = { nonce, unfit };
  await replaceFile(join(batch, nodesFolder, `${node}.json`), `${JSON.stringify(finding)}\n`);
}

/** Returns what a node found in this batch; null if it has not been checked. */
export async function readFinding(batch: string, node: string): Promise<NodeFinding | null> {
  try {
    const text = await readFile(join(batch, nodesFolder, `${node}.json`), 'utf8');
    const finding = nodeSchema.parse(JSON.parse(text));
    const nonce = (await readFile(join(batch, nonceFile), 'utf8')).trim();
    return finding.nonce === nonce ? finding : null;
  } catch {
    return null;
  }
}
