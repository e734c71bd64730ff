import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { readCommitment, readReveal, revealFault, sealedFault } from '../../datasets/sealing/commitment.ts';
import { openWithLabelsKey, readLabelsKey } from '../../datasets/sealing/labelsKey.ts';
import { openImages, openLabels } from '../../datasets/sealing/openSealed.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { readSealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { describeTerms } from '../../datasets/sealing/terms.ts';
import { sha256 } from '../../datasets/sha256.ts';
import { limitsSchema } from '../../evaluator/contract.ts';
import { version } from '../../evaluator/machine/version.ts';
import { numberedTrack, numbersOf } from '../datasets/sealing/numberedTrack.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';
import { makeTinyTrack } from '../evaluator/fixtures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), 'seal', ...words], {
    reject: false,
    cwd: folder.path,
    timeout: 60_000,
  });
const lastLine = (text: string) => JSON.parse(text.split('\n').at(-1)!);
const keygen = (name = 'id') => haet('keygen', '--out', name, '--images-out', `${name}.images`, '--json');
/** Options that name the public keys that keygen printed. */
const toKeys = (keys: { publicKey: string; imagesPublicKey: string }) => [
  ...['--to', keys.publicKey, '--images-to', keys.imagesPublicKey],
];
const truth = Array.from({ length: 30 }, (_, index) => (index * 3) % 10);

function expectRefused(said: Awaited<ReturnType<typeof haet>>, reason: RegExp): void {
  expect(said).toMatchObject({ exitCode: 2, stdout: '' });
  expect(said.stderr).toMatch(reason);
  expect(said.stderr).toMatch(/^haet: .*\n?(\(see --help for options and an example\))?$/);
}

test('keygen, seal and commit write files that open, can be read and match each other', async () => {
  await numberedTrack(at('my-track'), truth);
  const made = await haet('keygen', '--out', 'identity.txt', '--images-out', 'images-key.txt');
  const [, publicKey, imagesPublicKey] =
    /^Public key: (age1\S+)\nImages public key: (age1\S+)\nVerify key: haet1\S{43}$/.exec(made.stdout)!;
  for (const file of ['identity.txt', 'images-key.txt']) {
    expect((await stat(at(file))).mode & 0o777).toBe(0o600);
  }
  const identity = await readIdentity(at('identity.txt'));
  expect(made.stdout + made.stderr).not.toContain(identity);

  const sealed = await haet(
    'my-track',
    '--to',
    publicKey!,
    '--images-to',
    imagesPublicKey!,
    '--out',
    'withheld.age',
    '--public',
    'sealed',
    '--name',
    'Contest',
  );
  expect(sealed).toMatchObject({ exitCode: 0, stderr: '' });
  expect(sealed.stdout).toContain('30 images and their labels, sealed');
  const { info, withheld } = await readSealedTrack(at('sealed'));
  expect(info.name).toBe('Contest');
  expect(Buffer.from(withheld)).toEqual(await readFile(at('withheld.age')));
  expect(sealed.stdout).toContain(sha256(withheld));
  const opened = await openImages(withheld, await readIdentity(at('images-key.txt')));
  const labels = await openLabels(opened.sealedLabels, identity, opened.info);
  expect([...labels]).toEqual(numbersOf(opened.images).map((number) => truth[number]));

  const committed = await haet('commit', '--sealed', 'withheld.age', '--out', 'c.json', '--reveal', 'r.json');
  expect(committed).toMatchObject({ exitCode: 0, stderr: '' });
  expect((await stat(at('r.json'))).mode & 0o777).toBe(0o600);
  const [commitment, reveal] = [await readCommitment(at('c.json')), await readReveal(at('r.json'))];
  expect(reveal.seeds).toHaveLength(3);
  expect(revealFault(commitment, reveal)).toBeNull();
  expect(sealedFault(commitment, sha256(withheld))).toBeNull();
  expect(commitment.terms).toMatchObject({ sandbox: 'docker', image: null, evaluator: { version } });
  expect(committed.stdout).toContain(`terms         ${describeTerms(commitment.terms)}`);
  for (const secret of [reveal.nonce, ...reveal.seeds.map(String)]) {
    expect(committed.stdout).not.toContain(secret);
    expect(await readFile(at('c.json'), 'utf8')).not.toContain(secret);
  }
  expect((await readdir(folder.path)).sort()).toEqual([
    'c.json',
    'identity.txt',
    'images-key.txt',
    'my-track',
    'r.json',
    'sealed',
    'withheld.age',
  ]);
});

test('with --json the last line on standard output is the result', async () => {
  await numberedTrack(at('my-track'), truth);
  const made = lastLine((await keygen()).stdout);
  expect(made).toEqual({
    identity: at('id'),
    imagesKey: at('id.images'),
    imagesPublicKey: expect.stringMatching(/^age1/),
    publicKey: expect.stringMatching(/^age1/),
    verifyKey: expect.stringMatching(/^haet1/),
  });
  expect(lastLine((await haet('keys', 'id', '--images-key', 'id.images', '--json')).stdout)).toEqual(made);
  const said = await haet('--json', 'my-track', ...toKeys(made), '--out', 'w.age');
  const bytes = await readFile(at('w.age'));
  expect(lastLine(said.stdout)).toEqual({
    sealed: at('w.age'),
    sha256: sha256(bytes),
    bytes: bytes.length,
    testSize: 30,
    public: null,
  });
  const seeds = ['--seed-list', '11,0,2147483647'];
  const given = ['--cpus', '4', '--memory', '12884901888', '--budget', '300', '--processes', '2048'];
  const bound = ['--sandbox', 'user', '--image-id', `sha256:${'1'.repeat(64)}`];
  const files = ['--sealed', 'w.age', '--out', 'c', '--reveal', 'r', '--json'];
  const commit = ['--evaluator-commit', 'c'.repeat(40)];
  const committed = await haet('commit', ...files, ...seeds, ...given, ...bound, ...commit);
  const { sealedSha256, seedsSha256, terms } = await readCommitment(at('c'));
  expect(terms).toEqual({
    trainSeconds: 300,
    predictSeconds: limitsSchema.parse({}).predictSeconds,
    cpus: 4,
    memoryBytes: 12884901888,
    processes: 2048,
    sandbox: 'user',
    image: `sha256:${'1'.repeat(64)}`,
    evaluator: { version, commit: 'c'.repeat(40) },
  });
  expect(lastLine(committed.stdout)).toEqual({
    commitment: at('c'),
    reveal: at('r'),
    sealedSha256,
    seedsSha256,
    terms,
  });
  expect((await readReveal(at('r'))).seeds).toEqual([11, 0, 2147483647]);
});

test('labels-key writes a key that opens the labels without the identity and contains no part of it', async () => {
  await numberedTrack(at('my-track'), truth);
  const to = toKeys(lastLine((await keygen()).stdout));
  await haet('my-track', ...to, '--out', 'w.age');
  const words = ['labels-key', '--sealed', 'w.age', '--identity', 'id', '--out', 'key.json'];
  const said = await haet(...words, '--json');
  const withheld = await readFile(at('w.age'));
  expect(lastLine(said.stdout)).toEqual({ labelsKey: at('key.json'), sealedSha256: sha256(withheld) });
  expect((await stat(at('key.json'))).mode & 0o777).toBe(0o600);
  expect(await readFile(at('key.json'), 'utf8')).not.toContain(await readIdentity(at('id')));
  const { labels } = await openWithLabelsKey(withheld, await readLabelsKey(at('key.json')), 'w.age');
  const images = await openImages(withheld, await readIdentity(at('id')));
  expect([...labels]).toEqual(numbersOf(images.images).map((number) => truth[number]));

  expectRefused(await haet(...words), /key\.json: exists/);
  await keygen('other');
  const other = ['labels-key', '--sealed', 'w.age', '--identity', 'other', '--out', 'other.json'];
  expectRefused(await haet(...other), /w\.age: is not sealed for the key age1/);
});

test('warns if the source is public, unless the Track was drawn with a secret', async () => {
  const { dir } = await makeTinyTrack(folder.path, 10);
  const to = toKeys(lastLine((await keygen()).stdout));
  const said = await haet(dir, ...to, '--out', 'w.age');
  expect(said.exitCode).toBe(0);
  expect(said.stderr).toMatch(/\(synthetic\) is public\. Anyone can try sampling seeds/);
  expect(said.stderr).toContain('haet data make --new-secret FILE');

  const info = JSON.parse(await readFile(join(dir, 'track.json'), 'utf8'));
  const secret = { ...info, seed: { secretSha256: sha256('secret') } };
  await writeFile(join(dir, 'track.json'), JSON.stringify(secret));
  const bySecret = await haet(dir, ...to, '--out', 'w2.age');
  expect(bySecret).toMatchObject({ exitCode: 0, stderr: '' });
  const opened = await openImages(await readFile(at('w2.age')), await readIdentity(at('id')));
  expect(opened.info.seed).toEqual(secret.seed);
});

test('check accepts a sealed Track for publication, and rejects one with unencrypted labels', async () => {
  await numberedTrack(at('my-track'), truth);
  await haet(
    'my-track',
    ...toKeys(lastLine((await keygen()).stdout)),
    '--out',
    'w.age',
    '--public',
    'sealed',
  );
  expect(await haet('check', 'sealed')).toMatchObject({ exitCode: 0, stderr: '' });
  expectRefused(
    await haet('check', 'my-track'),
    /my-track: contains ".*", which is not part of a sealed Track/,
  );
});

test('the help of each command has an example, and that of seal its options', async () => {
  const help = await haet('--help');
  for (const words of [
    '--to <key>',
    '--images-to <key>',
    '--out <file>',
    '--public <dir>',
    '--json',
    'haet seal my-track --to',
  ]) {
    expect(help.stdout).toContain(words);
  }
  expect((await haet('my-track', '--help')).stdout).toBe(help.stdout);
  expect((await haet('keygen', '--help')).stdout).toContain('$ haet seal keygen');
  expect((await haet('commit', '--help')).stdout).toContain('$ haet seal commit');
  expect((await haet('labels-key', '--help')).stdout).toContain('$ haet seal labels-key');
});

describe('a mistake is rejected with one sentence and status 2, and leaves nothing:', () => {
  let to: string[];
  let before: string[];
  beforeEach(async () => {
    await numberedTrack(at('my-track'), truth);
    to = toKeys(lastLine((await keygen()).stdout));
    await mkdir(at('taken'));
    await writeFile(at('taken', 'file'), 'text');
    await writeFile(at('note.txt'), 'text');
    await execa('mkfifo', [at('pipe')]);
    before = (await readdir(folder.path)).sort();
  });

  test('of seal', async () => {
    const identity = await readIdentity(at('id'));
    const secret = await haet('my-track', ...to, '--to', identity, '--out', 'w.age');
    expectRefused(secret, /--to: is a secret key \(not shown\)/);
    expect(secret.stderr).not.toContain(identity.slice(0, 24));
    expectRefused(await haet(), /--to <key>' not specified/);
    expectRefused(await haet('nowhere', ...to, '--out', 'w.age'), /nowhere: is not a Track/);
    expectRefused(await haet('my-track', ...to, '--out', 'note.txt'), /note\.txt: exists/);
    expectRefused(await haet('my-track', ...to, '--out', 'w.age', '--name', 'A'), /--name needs --public/);
    const taken = await haet('my-track', ...to, '--out', 'w.age', '--public', 'taken');
    expectRefused(
      taken,
      /^haet: --public .*taken: exists and is not empty .*Give a folder that does not exist yet/,
    );
    // Only detected when the output is created: the sealed file written before is removed.
    const late = await haet('my-track', ...to, '--out', 'w.age', '--public', 'w.age/sealed');
    expectRefused(late, /^haet: --public .*w\.age\/sealed: exists and is not a folder\. Give a folder/);
    expect((await readdir(folder.path)).sort()).toEqual(before);
  });

  test('of keygen', async () => {
    for (const files of [
      ['--out', 'note.txt', '--images-out', 'new'],
      ['--out', 'new', '--images-out', 'note.txt'],
    ]) {
      expectRefused(await haet('keygen', ...files), /note\.txt: exists and is never overwritten/);
    }
    expect(await readFile(at('note.txt'), 'utf8')).toBe('text');
    expect((await readdir(folder.path)).sort()).toEqual(before);
  });

  test('of commit', async () => {
    await haet('my-track', ...to, '--out', 'w.age');
    before = (await readdir(folder.path)).sort();
    const files = ['--out', 'c', '--reveal', 'r'];
    expectRefused(
      await haet('commit', '--sealed', 'note.txt', ...files),
      /--sealed note\.txt: is not an age file/,
    );
    expectRefused(await haet('commit', '--sealed', 'pipe', ...files), /pipe: is not a regular file/);
    const sealed = ['commit', '--sealed', 'w.age'];
    expectRefused(await haet(...sealed, ...files, '--seed-list', '7,7'), /--seed-list/);
    expectRefused(await haet(...sealed, ...files, '--seeds', '2', '--seed-list', '1'), /cannot be used with/);
    expectRefused(await haet(...sealed, ...files, '--sandbox', 'process'), /Allowed choices are bubblewrap/);
    expectRefused(await haet(...sealed, ...files, '--image-id', 'latest'), /--image-id .*Expected sha256:/);
    expectRefused(await haet(...sealed, '--out', 'note.txt', '--reveal', 'r'), /note\.txt: exists/);
    expectRefused(await haet(...sealed, '--out', 'c', '--reveal', 'c'), /c: exists/);
    expect((await readdir(folder.path)).sort()).toEqual(before);
  });
});
