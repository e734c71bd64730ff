import { describeIssues } from '../describeJson.ts';
import { parseNpy } from '../npy.ts';
import { sha256 } from '../sha256.ts';
import { UserError } from '../userError.ts';
import { decrypt } from './age.ts';
import { checkLabels } from './checkLabels.ts';
import { unpackTar } from './tarInMemory.ts';
import { type WithheldInfo, withheldFiles, withheldInfoSchema } from './withheldSet.ts';

export interface OpenedImages {
  readonly info: WithheldInfo;
  /** A .npy file: uint8 [testSize, 32, 32, 3]. */
  readonly images: Uint8Array;
  /** For {@link openLabels}, once no process of an entry is alive. */
  readonly sealedLabels: Uint8Array;
}

/**
 * Decrypts the images of a withheld set; the labels stay encrypted.
 *
 * @param sealed the bytes of withheld.age
 * @param key the identity, `AGE-SECRET-KEY-1...`, see `readIdentity`; or the file key of these bytes
 * @param name replaces the path in messages
 * @throws UserError if it is not sealed for this key, was altered or truncated, or is not a withheld set
 */
export async function openImages(
  sealed: Uint8Array,
  key: string | Uint8Array,
  name = 'withheld.age',
): Promise<OpenedImages> {
  const members = unpack(name, await decrypt(name, sealed, key));
  const info = parseInfo(name, members.get(withheldFiles.info)!);
  const images = members.get(withheldFiles.images)!;
  const sealedLabels = members.get(withheldFiles.labels)!;
  checkHash(`${name}: ${withheldFiles.images}`, images, info.sha256[withheldFiles.images]);
  checkHash(`${name}: ${withheldFiles.labels}`, sealedLabels, info.sha256[withheldFiles.labels]);
  parseNpy(`${name}: ${withheldFiles.images}`, images, {
    dtype: 'uint8',
    shape: [info.testSize, ...info.imageShape],
  });
  return { info, images, sealedLabels };
}

/**
 * Opens the labels of a withheld set.
 *
 * @param key the identity, or the file key of `sealedLabels`
 * @param info of the same withheld set; labels of another set are rejected
 * @returns uint8 [testSize], each an index into `info.classes`, in the order of the images
 * @throws UserError if they are not sealed for this key, were altered, or belong to another set
 */
export async function openLabels(
  sealedLabels: Uint8Array,
  key: string | Uint8Array,
  info: WithheldInfo,
): Promise<Uint8Array<ArrayBuffer>> {
  checkHash(withheldFiles.labels, sealedLabels, info.sha256[withheldFiles.labels]);
  const plain = await decrypt(withheldFiles.labels, sealedLabels, key);
  const { data } = parseNpy(withheldFiles.labels, plain, { dtype: 'uint8', shape: [info.testSize] });
  checkLabels(withheldFiles.labels, data, info.classes);
  return data;
}

const remedy = 'Give the file that `haet seal` wrote.';

function unpack(name: string, archive: Uint8Array): Map<string, Uint8Array> {
  const expected = Object.values(withheldFiles).join(', ');
  let members: Map<string, Uint8Array>;
  try {
    members = unpackTar(archive);
  } catch (error) {
    throw new UserError({
      path: name,
      reason: `is not a withheld set: it does not contain a tar archive of ${expected} (${(error as Error).message})`,
      remedy,
    });
  }
  const found = [...members.keys()].join(', ');
  if (found !== expected) {
    throw new UserError({
      path: name,
      reason: `is not a withheld set: it contains ${found || 'no files'}; expected ${expected}`,
      remedy,
    });
  }
  return members;
}

const sealAgain = 'Seal the Track again with `haet seal`.';

function parseInfo(name: string, bytes: Uint8Array): WithheldInfo {
  const path = `${name}: ${withheldFiles.info}`;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new UserError({ path, reason: 'is not JSON', remedy: sealAgain });
  }
  const parsed = withheldInfoSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UserError({
    path,
    reason: `does not describe a withheld set (${describeIssues(parsed.error)})`,
    remedy: sealAgain,
  });
}

function checkHash(path: string, bytes: Uint8Array, expected: string): void {
  const got = sha256(bytes);
  if (got === expected) return;
  throw new UserError({
    path,
    reason: `does not belong to these images: its sha256 is ${got}, expected ${expected}`,
    remedy: 'Use images and labels of the same withheld.age.',
  });
}
