import { createPublicKey, type KeyObject } from 'node:crypto';
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { moveIntoPlace } from '../../../datasets/atomicWrite.ts';
import { asSystemError, codeAndMeaning, ownership } from '../../../datasets/systemError.ts';
import { UserError } from '../../../datasets/userError.ts';
import { signList } from '../../attest/signedList.ts';
import { parseVerifyKey, verifyKeyText } from '../../attest/signingKey.ts';
import { hashFile } from '../../intake/hashFile.ts';
import { writeArchive } from '../../intake/writeArchive.ts';
import { makeOwnFolder } from '../../sandbox/ownNames.ts';
import { type Grading, readGrading } from '../grading.ts';
import {
  type Bundle,
  bundleFile,
  bundleSignatureFile,
  commitmentFile,
  filesToBundle,
  revealFile,
} from './bundleFiles.ts';
import { verifyFolder } from './verifyBundle.ts';

/** What the organizer adds to a bundle. */
export interface Additions {
  /** Published files that go into it. */
  readonly commitment?: string;
  readonly reveal?: string;
  /** Signs its list of files; needed if the runs are signed. */
  readonly signingKey?: KeyObject;
}

/** A bundle that was written. */
export interface Exported {
  readonly sha256: string;
  /** Paths in it, sorted. */
  readonly files: readonly string[];
}

/**
 * Writes the records of a grading as one `tar.gz`, without models, logs, predictions, labels and keys. The same files
 * give the same bytes. The bundle appears only after it was verified as anyone would verify it.
 * @param outFolder folder of the grading; locked by the caller
 * @throws UserError if it is not a grading, the key is not the one that signed its runs, the bundle would not verify, or
 *   it cannot be written
 */
export async function exportBundle(
  outFolder: string,
  archive: string,
  { signingKey, ...published }: Additions = {},
): Promise<Exported> {
  const grading = await readGrading(outFolder);
  requireKeyOf(grading, signingKey);
  const scratch = await makeOwnFolder('export');
  try {
    const content = join(scratch, 'content');
    const files = await gather(outFolder, content, published, signingKey);
    await requireVerified(outFolder, content, grading.verifyKey);
    const target = resolve(archive);
    await write(content, files, target);
    return { sha256: await hashFile(target), files };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Only the organizer whose key signed the runs can say that nothing was added to them. */
function requireKeyOf({ verifyKey }: Grading, signingKey: KeyObject | undefined): void {
  const given = signingKey === undefined ? null : verifyKeyText(createPublicKey(signingKey));
  if (given === verifyKey) return;
  const [reason, remedy] =
    given === null
      ? [
          'is missing, but the runs are signed',
          'Give the identity that signed them: it signs the list of files.',
        ]
      : verifyKey === null
        ? ['has nothing to sign, because no run is signed', 'Leave it out.']
        : [
            `signs with ${given}, but the runs are signed with ${verifyKey}`,
            'Give the identity that signed them.',
          ];
  throw new UserError({ option: '--identity', reason, remedy });
}

/** Copies the files of a bundle into a folder and lists them in its bundle.json, which is signed. */
async function gather(
  outFolder: string,
  content: string,
  published: Omit<Additions, 'signingKey'>,
  signingKey: KeyObject | undefined,
): Promise<string[]> {
  const sources = new Map<string, string>();
  for (const file of await filesToBundle(outFolder)) sources.set(file, join(outFolder, file));
  if (published.commitment !== undefined) sources.set(commitmentFile, published.commitment);
  if (published.reveal !== undefined) sources.set(revealFile, published.reveal);
  const files = [...sources.keys()].sort();
  const list: Bundle['files'] = {};
  for (const file of files) {
    const path = join(content, file);
    await mkdir(dirname(path), { recursive: true });
    await copyFile(sources.get(file)!, path);
    await chmod(path, 0o644); // a record's own mode must not change the bytes of the bundle
    list[file] = await hashFile(path);
  }
  const bundle: Bundle = { kind: 'haet-records', schemaVersion: 1, files: list };
  const text = `${JSON.stringify(bundle, null, 2)}\n`;
  await writeFile(join(content, bundleFile), text, { mode: 0o644 });
  if (signingKey === undefined) return [bundleFile, ...files];
  await writeFile(join(content, bundleSignatureFile), await signList(Buffer.from(text), signingKey), {
    mode: 0o644,
  });
  return [bundleFile, bundleSignatureFile, ...files];
}

async function requireVerified(outFolder: string, content: string, verifyKey: string | null): Promise<void> {
  const key = verifyKey === null ? null : parseVerifyKey(verifyKey);
  const { holds, checks } = await verifyFolder(content, { key });
  if (holds) return;
  throw new UserError({
    path: outFolder,
    reason: `a bundle of it would not verify: ${checks.at(-1)!.says}`,
    remedy:
      'Run the same `haet grade` again, which brings the leaderboard up to date, and restore what is missing.',
  });
}

async function write(content: string, files: readonly string[], target: string): Promise<void> {
  const partial = `${target}.part`;
  try {
    await rm(partial, { force: true });
    await writeArchive(content, files, partial);
    await moveIntoPlace(partial, target);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    const fault = asSystemError(error);
    if (fault === null) throw error;
    throw new UserError({
      option: '--out',
      path: target,
      reason: `cannot be written (${codeAndMeaning(fault)}${ownership(target)})`,
      remedy: 'Give a path where you can write.',
    });
  }
}
