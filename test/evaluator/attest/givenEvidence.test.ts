import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { seedsSha256 } from '../../../datasets/sealing/commitment.ts';
import type { ContestTerms } from '../../../datasets/sealing/terms.ts';
import type { OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { signRecord } from '../../../evaluator/attest/signedRecord.ts';
import { type Evidence, verifyRecord } from '../../../evaluator/attest/verifyRecord.ts';
import { terms as committedTerms } from '../../datasets/sealing/madeUpTerms.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';
import { hash, key, madeUpOfficial, sha256, signingKey } from './madeUpOfficial.ts';

const folder = temporaryFolder();
let official: OfficialRecord;
let onOpenTrack: OfficialRecord;
let predictions: Buffer;
beforeAll(async () => {
  ({ official, onOpenTrack, predictions } = await madeUpOfficial());
});

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder.path, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function putTrack(): Promise<string> {
  await put('track/train/images.npy', 'train images');
  await put('track/train/labels.npy', 'train labels');
  await put('track/test/images.npy', 'test images');
  return join(folder.path, 'track');
}

/** Returns the last finding of verification for a valid record and other evidence. */
async function beside(evidence: Omit<Evidence, 'key'>, record = official) {
  const jws = await signRecord(record, signingKey);
  const { holds, checks } = await verifyRecord(Buffer.from(jws), { key, ...evidence });
  const { name, says } = checks.at(-1)!;
  return { holds, name, says };
}

describe('files that are given with a record', () => {
  test("match if they are those of the run, also through the user's own link", async () => {
    const archive = join(folder.path, 'link.tar.gz');
    await symlink(await put('entry.tar.gz', 'archive'), archive);
    const files = {
      archive,
      predictions: await put('predictions.npy', predictions),
      sealed: await put('withheld.age', 'sealed'),
      track: await putTrack(),
    };
    const jws = await signRecord(official, signingKey);
    const { holds, checks } = await verifyRecord(Buffer.from(jws), { key, files });
    expect(holds).toBe(true);
    expect(checks.slice(-4).map((check) => check.name)).toEqual([
      'archive',
      'predictions',
      'sealed',
      'track',
    ]);
  });

  test.each(['archive', 'predictions', 'sealed'] as const)(
    '%s: do not match if they differ',
    async (kind) => {
      const path = await put('other', 'something else');
      expect(await beside({ files: { [kind]: path } })).toEqual({
        holds: false,
        name: kind,
        says: expect.stringContaining(`${path} has sha256 ${sha256('something else')}, but the record says `),
      });
    },
  );

  test.each(['train/images.npy', 'train/labels.npy', 'test/images.npy'])(
    'do not match if %s of the Track differs',
    async (file) => {
      const track = await putTrack();
      await put(`track/${file}`, 'other pictures');
      expect(await beside({ files: { track } }, onOpenTrack)).toMatchObject({
        holds: false,
        name: 'track',
        says: expect.stringContaining(join(track, file)),
      });
    },
  );

  test('a Track may lack its withheld half', async () => {
    const track = await putTrack();
    await rm(join(track, 'test'), { recursive: true });
    for (const record of [official, onOpenTrack]) {
      expect(await beside({ files: { track } }, record)).toMatchObject({ holds: true, name: 'track' });
    }
  });

  test('do not match if the record has no digest of them', async () => {
    const record = {
      ...official,
      record: { ...official.record, archiveSha256: null },
      digests: { ...official.digests, archive: null },
    };
    const archive = await put('entry.tar.gz', 'archive');
    expect(await beside({ files: { archive } }, record)).toEqual({
      holds: false,
      name: 'archive',
      says: `the record has no digest for ${archive}`,
    });
  });

  test('missing files are a mistake of the user', async () => {
    await expect(beside({ files: { sealed: join(folder.path, 'none') } })).rejects.toThrow(
      /none: cannot be read \(ENOENT\)\. Give a readable regular file/,
    );
    await expect(beside({ files: { sealed: folder.path } })).rejects.toThrow('not a regular file');
    await expect(beside({ files: { track: folder.path } })).rejects.toThrow('train/images.npy');
  });
});

describe('a commitment published before the contest', () => {
  const reveal = { nonce: hash('7'), seeds: [3, 1, 4] } as const;
  const seeds = { ...reveal, seeds: [...reveal.seeds] };
  const terms = {
    ...committedTerms,
    memoryBytes: 7 * 2 ** 30,
    sandbox: 'bubblewrap',
    image: `sha256:${hash('1')}`,
    evaluator: { version: '0.1.0', commit: null },
  } as const;
  const commitment = {
    schemaVersion: 2,
    terms,
    sealedSha256: sha256('sealed'),
    seedsSha256: sha256(`{"nonce":"${hash('7')}","seeds":[3,1,4]}`),
  } as const;

  test('matches before and after the seeds are revealed', async () => {
    expect(await beside({ commitment })).toMatchObject({ holds: true, name: 'evaluator' });
    expect(await beside({ commitment, reveal: seeds })).toMatchObject({ holds: true, name: 'seed' });
  });

  test('does not match another sealed set, or none', async () => {
    const sealedSha256 = sha256('another');
    expect(await beside({ commitment: { ...commitment, sealedSha256 } })).toEqual({
      holds: false,
      name: 'sealed set committed',
      says: `the commitment names the sealed set with sha256 ${sealedSha256}, but the one used has ${sha256('sealed')}`,
    });
    expect(await beside({ commitment }, onOpenTrack)).toMatchObject({
      holds: false,
      says: expect.stringContaining('but none was used'),
    });
  });

  test('is compared with every term, one check each', async () => {
    const jws = await signRecord(official, signingKey);
    const { checks } = await verifyRecord(Buffer.from(jws), { key, commitment });
    expect(checks.slice(-8)).toEqual(
      [
        ['train limit', '600 s to train'],
        ['predict limit', '60 s to predict'],
        ['cpus', '2 CPUs'],
        ['memory', '7516192768 bytes of memory'],
        ['processes', '1024 processes'],
        ['sandbox', 'the sandbox bubblewrap'],
        ['image', `the image sha256:${hash('1')}`],
        ['evaluator', 'haet 0.1.0'],
      ].map(([name, says]) => ({ name, holds: true, says: `${says}, as committed` })),
    );
  });

  test.each<[string, Partial<ContestTerms>, string]>([
    [
      'train limit',
      { trainSeconds: 300 },
      'it ran with 600 s to train, but the commitment says 300 s to train',
    ],
    ['predict limit', { predictSeconds: 30 }, 'it ran with 60 s to predict, but'],
    ['cpus', { cpus: 4 }, 'it ran with 2 CPUs, but the commitment says 4 CPUs'],
    ['memory', { memoryBytes: 2 ** 30 }, 'it ran with 7516192768 bytes of memory, but'],
    ['processes', { processes: 64 }, 'it ran with 1024 processes, but'],
    ['sandbox', { sandbox: 'docker' }, 'it ran with the sandbox bubblewrap, but'],
    ['image', { image: `sha256:${hash('2')}` }, `it ran with the image sha256:${hash('1')}, but`],
    ['evaluator', { evaluator: { version: '1.0.0', commit: null } }, 'it ran with haet 0.1.0, but'],
    [
      'evaluator commit',
      { evaluator: { version: '0.1.0', commit: 'c'.repeat(40) } },
      "it ran with the evaluator's commit eb19935c0ffee, but",
    ],
  ])('does not match another %s', async (name, change, says) => {
    expect(await beside({ commitment: { ...commitment, terms: { ...terms, ...change } } })).toEqual({
      holds: false,
      name,
      says: expect.stringContaining(says),
    });
  });

  test('does not match other seeds, another order or another nonce', async () => {
    for (const change of [{ seeds: [1, 3, 5] }, { seeds: [1, 3, 4] }, { nonce: hash('8') }]) {
      expect(await beside({ commitment, reveal: { ...seeds, ...change } })).toMatchObject({
        holds: false,
        name: 'seeds revealed',
        says: expect.stringContaining('but the commitment says'),
      });
    }
  });

  test('does not match a run with another seed', async () => {
    const others = { ...seeds, seeds: [3, 4] };
    const committed = { ...commitment, seedsSha256: seedsSha256(others) };
    expect(await beside({ commitment: committed, reveal: others })).toEqual({
      holds: false,
      name: 'seed',
      says: "the run's seed 1 is not among the 2 revealed seeds",
    });
  });
});
