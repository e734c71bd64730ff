import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { plainJson } from '../../../datasets/plainText.ts';
import {
  type Commitment,
  type Reveal,
  readCommitment,
  readReveal,
  revealFault,
  sealedFault,
} from '../../../datasets/sealing/commitment.ts';
import { readJson } from '../../../datasets/sealing/readJson.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { UserError } from '../../../datasets/userError.ts';
import { readHead } from '../../attest/chain.ts';
import { officialRecordFile } from '../../attest/officialRecord.ts';
import { checkList } from '../../attest/signedList.ts';
import { DoesNotHold, mostRecordBytes } from '../../attest/signedRecord.ts';
import { verifyKeyText } from '../../attest/signingKey.ts';
import { type ChainRecord, chainFault } from '../../attest/verifyChain.ts';
import { type Check, type Evidence, verifyRecord } from '../../attest/verifyRecord.ts';
import { hashFile } from '../../intake/hashFile.ts';
import { archiveLimitsSchema } from '../../intake/limits.ts';
import { unpackArchive } from '../../intake/unpackArchive.ts';
import { recordFile } from '../../run/record.ts';
import { makeOwnFolder } from '../../sandbox/ownNames.ts';
import { runFolders } from '../attempts.ts';
import { readJudgements } from '../canary/canaryLog.ts';
import { type Grading, readGrading } from '../grading.ts';
import { readLog, readStates, standingFrom } from '../judging.ts';
import { leaderboardCsv } from '../leaderboardCsv.ts';
import { leaderboardMarkdown } from '../leaderboardMarkdown.ts';
import { receiptsFault } from '../receipts.ts';
import type { Standing } from '../standing.ts';
import { leaderboardFiles } from '../writeStanding.ts';
import {
  type Bundle,
  bundleFile,
  bundleSchema,
  bundleSignatureFile,
  commitmentFile,
  mayContain,
  neededFiles,
  revealFile,
} from './bundleFiles.ts';
import { canariesFault } from './canariesFault.ts';
import { missingAttempt } from './missingAttempt.ts';

/** What a bundle is compared with. */
export interface BundleEvidence extends Omit<Evidence, 'key'> {
  /** The organizer's public key; null: the runs must not be signed. */
  readonly key: KeyObject | null;
  /** sha256 of the last record, as published. */
  readonly head?: string;
}

export interface BundleVerification {
  readonly holds: boolean;
  /** In order; only the last can fail. */
  readonly checks: readonly Check[];
  /** The leaderboard, if everything holds. */
  readonly standing: Standing | null;
  /** Number of signed records. */
  readonly signed: number;
  /** Whether the commitment came with the bundle only. */
  readonly ownCommitment: boolean;
}

/** A contest of thousands of runs; a record has a few hundred kilobytes at most, and text compresses well. */
const limits = archiveLimitsSchema.parse({
  archiveBytes: 4 * 2 ** 30,
  unpackedBytes: 64 * 2 ** 30,
  members: 1_000_000,
  depth: 4,
  pathBytes: 400,
  ratio: 200,
});
const mostListBytes = 256 * 2 ** 20;

/**
 * Verifies a bundle of records offline, up to the first check that fails.
 * @param archive must be a regular file that can be read
 */
export async function verifyBundle(archive: string, evidence: BundleEvidence): Promise<BundleVerification> {
  const scratch = await makeOwnFolder('bundle');
  const content = join(scratch, 'content');
  try {
    await unpackArchive(archive, content, limits);
    return await verifyFolder(content, evidence);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const remedy = 'Give a bundle that `haet export` wrote.';
    const says = error.about({ path: undefined, remedy }).message;
    return failed([{ name: 'archive', holds: false, says }]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const failed = (checks: readonly Check[]): BundleVerification => ({
  holds: false,
  checks,
  standing: null,
  signed: 0,
  ownCommitment: false,
});

/** Verifies an unpacked bundle, see {@link verifyBundle}. */
export async function verifyFolder(folder: string, evidence: BundleEvidence): Promise<BundleVerification> {
  const checks: Check[] = [];
  let underWay = '';
  const check = async <T>(name: string, meaning: (made: T) => string, make: () => Promise<T>): Promise<T> => {
    underWay = name;
    const made = await make();
    checks.push({ name, holds: true, says: meaning(made) });
    return made;
  };
  try {
    await check(
      'files',
      (count) => `${count} files are those of the list, byte for byte, and nothing else is in it`,
      () => checkFiles(folder),
    );
    const grading = await check('grading', gradingSays, () => readGradingOf(folder, evidence.key));
    if (evidence.key !== null || existsSync(join(folder, bundleSignatureFile))) {
      await check(
        'list',
        () =>
          'the organizer signed the list of files: decisions, rejudgings, canaries, receipts and rules too',
        () => checkSignedList(folder, evidence.key),
      );
    }
    const { commitment, reveal } = await readPublished(folder, evidence);
    if (commitment !== undefined) {
      await check(
        'commitment',
        () =>
          `the leaderboard is of the committed set${reveal === undefined ? '' : ' and the committed seeds'}`,
        async () => requireNone(commitmentFault(grading, commitment, reveal)),
      );
    }
    const ofRecords = { ...evidence, ...(commitment && { commitment }), ...(reveal && { reveal }) };
    const records = await check(
      'signatures',
      ({ length }) =>
        evidence.key === null ? 'no run is signed' : `${length} records are signed by this key`,
      () => readSigned(folder, ofRecords),
    );
    if (evidence.key !== null) {
      const { key } = evidence;
      await check(
        'chain',
        () => 'no signed record is missing, exchanged or out of order',
        async () => requireNone(chainFaultIn(folder, records, key, evidence.head)),
      );
    }
    await check(
      'attempts',
      () => 'every attempt of every job is there, from the first to the last',
      async () => requireNone(await missingAttempt(folder)),
    );
    await check(
      'receipts',
      () => 'every archive of the leaderboard has a receipt',
      async () => requireNone(await receiptsFault(folder, grading.archives)),
    );
    const judgements = await readJudgements(folder);
    if (judgements.length > 0) {
      await check(
        'canaries',
        () => `${judgements.length} canaries were judged by their records and bands`,
        async () => requireNone(await canariesFault(folder, judgements)),
      );
    }
    const standing = await check(
      'leaderboard',
      () =>
        'it follows from the records, the decisions, the rejudgings, the canaries and the rules of the grading, in all its forms',
      () => checkLeaderboard(folder, grading, evidence.key === null ? null : records),
    );
    return {
      holds: true,
      checks,
      standing,
      signed: records.length,
      ownCommitment: commitment !== undefined && evidence.commitment === undefined,
    };
  } catch (error) {
    if (!(error instanceof DoesNotHold || error instanceof UserError)) throw error;
    const says = error.message.replaceAll(`${folder}/`, '');
    return failed([...checks, { name: underWay, holds: false, says }]);
  }
}

function requireNone(fault: string | null): void {
  if (fault !== null) throw new DoesNotHold(fault);
}

/** @returns number of files */
async function checkFiles(folder: string): Promise<number> {
  if (!existsSync(join(folder, bundleFile))) {
    throw new DoesNotHold(`it has no ${bundleFile}, so it is not a bundle that \`haet export\` wrote`);
  }
  const { files } = await readJson<Bundle>(join(folder, bundleFile), bundleSchema, {
    kind: 'the list of a bundle',
    remedy: 'Give a bundle that `haet export` wrote.',
    mostBytes: mostListBytes,
  });
  const listed = new Map(Object.entries(files));
  for (const path of await filesIn(folder)) {
    if (path === bundleFile || path === bundleSignatureFile) continue;
    if (!mayContain(path)) throw new DoesNotHold(`${shown(path)} does not belong into a bundle`);
    const expected = listed.get(path);
    if (expected === undefined) throw new DoesNotHold(`${path} is not in ${bundleFile}`);
    const got = await hashFile(join(folder, path));
    if (got !== expected) {
      throw new DoesNotHold(`${path} has sha256 ${got}, but ${bundleFile} says ${expected}: it was changed`);
    }
    listed.delete(path);
  }
  for (const path of listed.keys()) throw new DoesNotHold(`${shown(path)} is in ${bundleFile}, but missing`);
  for (const path of neededFiles) {
    if (files[path] === undefined) throw new DoesNotHold(`${path} is missing`);
  }
  return Object.keys(files).length;
}

async function checkSignedList(folder: string, key: KeyObject | null): Promise<void> {
  const path = join(folder, bundleSignatureFile);
  if (key === null) {
    throw new DoesNotHold(`${bundleSignatureFile} is there, but the grading says that no run is signed`);
  }
  if (!existsSync(path)) {
    throw new DoesNotHold(
      `${bundleSignatureFile} is missing: nothing shows that the organizer wrote this bundle`,
    );
  }
  try {
    await checkList(await readFile(path), await readFile(join(folder, bundleFile)), key);
  } catch (error) {
    if (!(error instanceof DoesNotHold)) throw error;
    throw new DoesNotHold(`${bundleSignatureFile}: ${error.message}`);
  }
}

const shown = (path: string): string => plainJson(path.slice(0, 200));

async function filesIn(folder: string, below = ''): Promise<string[]> {
  const found: string[] = [];
  for (const each of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = below === '' ? each.name : `${below}/${each.name}`;
    if (each.isDirectory()) found.push(...(await filesIn(folder, path)));
    else found.push(path);
  }
  return found.sort();
}

async function readGradingOf(folder: string, key: KeyObject | null): Promise<Grading> {
  const grading = await readGrading(folder);
  const named = grading.verifyKey;
  if (key === null && named !== null) {
    throw new DoesNotHold(`its runs are signed with ${shown(named)}, and no key was given to check that`);
  }
  if (key !== null && named === null) throw new DoesNotHold('its runs are not signed with any key');
  if (key !== null && named !== verifyKeyText(key)) {
    throw new DoesNotHold(`its runs are signed with ${shown(named!)}, not with the given key`);
  }
  return grading;
}

const gradingSays = ({ archives, seeds }: Grading) =>
  `${archives.length} archives, ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}`;

/** Returns the given commitment and reveal, else those of the bundle. */
async function readPublished(
  folder: string,
  given: Pick<Evidence, 'commitment' | 'reveal'>,
): Promise<{ commitment?: Commitment | undefined; reveal?: Reveal | undefined }> {
  const [commitmentPath, revealPath] = [join(folder, commitmentFile), join(folder, revealFile)];
  const own = existsSync(commitmentPath) ? await readCommitment(commitmentPath) : undefined;
  const ownReveal = existsSync(revealPath) ? await readReveal(revealPath) : undefined;
  for (const [name, inside, outside] of [
    [commitmentFile, own, given.commitment],
    [revealFile, ownReveal, given.reveal],
  ] as const) {
    if (inside !== undefined && outside !== undefined && !isDeepStrictEqual(inside, outside)) {
      throw new DoesNotHold(`its ${name} is not the given one`);
    }
  }
  return { commitment: given.commitment ?? own, reveal: given.reveal ?? ownReveal };
}

function commitmentFault(
  grading: Grading,
  commitment: Commitment,
  reveal: Reveal | undefined,
): string | null {
  const set = 'sealed' in grading.track ? grading.track.sealed.sha256 : null;
  const fault =
    sealedFault(commitment, set) ?? (reveal === undefined ? null : revealFault(commitment, reveal));
  if (fault !== null || reveal === undefined) return fault;
  if (isDeepStrictEqual(grading.seeds, reveal.seeds)) return null;
  return `the leaderboard is of the seeds ${grading.seeds.join(', ')}, but those committed to are ${reveal.seeds.join(', ')}`;
}

/** Verifies every record.jws by itself, and that it has the content of the record.json beside it. */
async function readSigned(
  folder: string,
  { key, head: _, ...evidence }: BundleEvidence,
): Promise<ChainRecord[]> {
  const records: ChainRecord[] = [];
  for (const path of await signedFiles(folder)) {
    if (key === null) throw new DoesNotHold(`${path} is signed, but the grading says that no run is`);
    if (evidence.reveal !== undefined && evidence.commitment === undefined) {
      throw new DoesNotHold(`it has a ${revealFile}, but no ${commitmentFile}`);
    }
    const bytes = await readRecord(path);
    const { official, checks } = await verifyRecord(bytes, { ...evidence, key });
    if (official === null) throw new DoesNotHold(`${path}: ${checks.at(-1)!.says}`);
    const written = await readFile(join(dirname(path), recordFile), 'utf8').catch(() => null);
    if (written === null || !isDeepStrictEqual(parsed(written), official.record)) {
      throw new DoesNotHold(`${path} does not match the ${recordFile} beside it`);
    }
    records.push({ path, sha256: sha256(bytes), official });
  }
  return records;
}

async function signedFiles(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const job of await runFolders(join(folder, 'runs'))) {
    for (const run of await runFolders(job)) {
      const path = join(run, officialRecordFile);
      if (existsSync(path)) paths.push(path);
    }
  }
  return paths;
}

async function readRecord(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  if (bytes.length > mostRecordBytes) throw new DoesNotHold(`${path} is larger than any record`);
  return bytes;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The head in the bundle says how many records were signed; the published one says it beyond doubt. */
function chainFaultIn(
  folder: string,
  records: readonly ChainRecord[],
  key: KeyObject,
  published: string | undefined,
): string | null {
  const own = readHead(folder, verifyKeyText(key));
  const ownHead = own?.sha256 ?? undefined;
  if (records.length > 0 && ownHead === undefined) return 'the head of the chain, chain.json, is missing';
  const fault = chainFault(records, ownHead) ?? chainFault(records, published);
  if (fault !== null || own === null || own.number === records.length) return fault;
  return `chain.json says that ${own.number} records were signed, but ${records.length} are here`;
}

async function checkLeaderboard(
  folder: string,
  grading: Grading,
  signed: readonly ChainRecord[] | null,
): Promise<Standing> {
  const holds = new Set(signed?.map(({ path }) => dirname(path)));
  const attestor = {
    fault: async (run: string) => (holds.has(run) ? null : `it has no ${officialRecordFile}`),
  };
  const log = await readLog(folder);
  const states = await readStates(folder, grading, log, signed === null ? undefined : attestor);
  const standing = standingFrom(grading, states, log, folder);
  const expected = {
    [leaderboardFiles.json]: `${plainJson(standing, 2)}\n`,
    [leaderboardFiles.csv]: leaderboardCsv(standing),
    [leaderboardFiles.markdown]: leaderboardMarkdown(standing),
  };
  for (const [file, text] of Object.entries(expected)) {
    const written = await readFile(join(folder, 'public', file), 'utf8');
    if (written !== text) {
      throw new DoesNotHold(
        `public/${file} does not follow from the records${firstDifference(written, text)}`,
      );
    }
  }
  return standing;
}

/** Names the first line that differs. */
function firstDifference(got: string, expected: string): string {
  const lines = expected.split('\n');
  const at = got.split('\n').findIndex((line, at) => line !== lines[at]);
  return at === -1 ? '' : `: line ${at + 1} differs`;
}
