import { z } from 'zod';
import { sha256 } from '../sha256.ts';
import { sha256Schema } from '../track.ts';
import { fileKeyOf } from './age.ts';
import { openImages, openLabels } from './openSealed.ts';
import { readJson } from './readJson.ts';
import { type WithheldInfo, withheldFiles } from './withheldSet.ts';

const fileKeySchema = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hexadecimal digits');

/**
 * The keys of the two age files of one withheld set, published after the contest. They open nothing else. The
 * identity, from which the signing key is derived, stays secret.
 */
export const labelsKeySchema = z.strictObject({
  schemaVersion: z.literal(1),
  sealedSha256: sha256Schema.describe('sha256 of the withheld.age that it opens'),
  setKey: fileKeySchema.describe('file key of withheld.age, 16 bytes in hexadecimal'),
  labelsKey: fileKeySchema.describe('file key of the labels.npy.age inside'),
});
export type LabelsKey = z.infer<typeof labelsKeySchema>;

/**
 * Derives the labels key of a withheld set.
 * @param withheld the bytes of withheld.age
 * @param identity `AGE-SECRET-KEY-1...`
 * @param name replaces the path in messages
 * @throws UserError if it is not sealed for this key, was altered or truncated, or is not a withheld set
 */
export async function makeLabelsKey(
  withheld: Uint8Array,
  identity: string,
  name: string,
): Promise<LabelsKey> {
  const { info, sealedLabels } = await openImages(withheld, identity, name);
  // Keys are returned only for files that decrypt completely.
  await openLabels(sealedLabels, identity, info);
  const key = async (file: string, bytes: Uint8Array) =>
    Buffer.from(await fileKeyOf(file, bytes, identity)).toString('hex');
  return {
    schemaVersion: 1,
    sealedSha256: sha256(withheld),
    setKey: await key(name, withheld),
    labelsKey: await key(withheldFiles.labels, sealedLabels),
  };
}

/**
 * Opens the labels of a withheld set with its labels key.
 * @param withheld the bytes of withheld.age
 * @param name replaces the path in messages
 * @returns `labels`: uint8 [testSize], in the order of the images
 * @throws UserError if the key does not belong to these bytes, or they are not a withheld set
 */
export async function openWithLabelsKey(
  withheld: Uint8Array,
  { setKey, labelsKey }: LabelsKey,
  name: string,
): Promise<{ info: WithheldInfo; labels: Uint8Array }> {
  const { info, sealedLabels } = await openImages(withheld, Buffer.from(setKey, 'hex'), name);
  return { info, labels: await openLabels(sealedLabels, Buffer.from(labelsKey, 'hex'), info) };
}

/** @throws UserError */
export function readLabelsKey(path: string): Promise<LabelsKey> {
  const remedy = 'Give the labels key that `haet seal labels-key` wrote.';
  return readJson(path, labelsKeySchema, { kind: 'a labels key', remedy });
}
