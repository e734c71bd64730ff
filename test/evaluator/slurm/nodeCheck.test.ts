import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import {
  agreeOnImage,
  clockAhead,
  type NodeFacts,
  readableOf,
  readFinding,
  tensorflowDigest,
  whyUnfit,
  writeFinding,
} from '../../../evaluator/slurm/nodeCheck.ts';
import { nonceFile } from '../../../evaluator/slurm/task.ts';
import { allHeld, temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

const expected = {
  version: '1.0.0',
  commit: 'c0ffee',
  tensorflow: 't',
  image: 'sha256:1',
  signed: true,
  hidden: [],
};
const fit: NodeFacts = {
  version: '1.0.0',
  commit: 'c0ffee',
  tensorflow: 't',
  sandbox: { kind: 'docker', image: 'sha256:1', holds: allHeld },
  clockSeconds: -4.9,
  readable: [],
};

test('a node that is as the coordinator is fit', () => {
  expect(whyUnfit(fit, expected)).toBeNull();
});

test.each<[Partial<NodeFacts>, string]>([
  [
    { version: '0.9.0' },
    'it has haet 0.9.0, commit c0ffee; expected 1.0.0, commit c0ffee. Install the same there.',
  ],
  [
    { commit: null },
    'it has haet 1.0.0, commit none; expected 1.0.0, commit c0ffee. Install the same there.',
  ],
  [{ tensorflow: null }, 'its libtensorflow is not that of this machine. Run `haet setup` there.'],
  [
    { sandbox: { ...fit.sandbox, image: 'sha256:2' } },
    'its image is sha256:2; expected sha256:1. Load the same image there.',
  ],
  [
    { sandbox: { ...fit.sandbox, holds: { ...allHeld, memory: false } } },
    'its sandbox docker does not enforce memory, so its runs could not be signed.',
  ],
  [{ clockSeconds: 5.1 }, 'its clock differs by 5.1 s from that of the shared folder. Set it by NTP.'],
  [{ clockSeconds: -60 }, 'its clock differs by -60.0 s from that of the shared folder. Set it by NTP.'],
  [
    { readable: ['/root/identity.txt'] },
    'it can read /root/identity.txt. Keep secrets on a disk of the coordinator that no node mounts.',
  ],
])('a node that differs is left out: %j', (change, why) => {
  expect(whyUnfit({ ...fit, ...change }, expected)).toBe(why);
});

test('all nodes of a batch use the image of the first', async () => {
  expect(await agreeOnImage(folder, 'sha256:1')).toBe('sha256:1');
  expect(await agreeOnImage(folder, 'sha256:2')).toBe('sha256:1');
});

test('a finding counts only in the batch whose nonce the node has read', async () => {
  await writeFile(join(folder, nonceFile), 'abc');
  await writeFinding(folder, 'n1', null);
  expect(await readFinding(folder, 'n1')).toEqual({ nonce: 'abc', unfit: null });
  await writeFile(join(folder, nonceFile), 'def');
  expect(await readFinding(folder, 'n1')).toBeNull();
  expect(await readFinding(folder, 'n2')).toBeNull();
});

test('a clock that agrees with the file system is not ahead', async () => {
  expect(Math.abs(await clockAhead(folder, 'n1'))).toBeLessThan(1);
});

test('a library of another size is another library', async () => {
  expect(await tensorflowDigest(null)).toBeNull();
  await mkdir(join(folder, 'lib'));
  const library = join(folder, 'lib/libtensorflow.so.2');
  await writeFile(library, 'library');
  const before = await tensorflowDigest(folder);
  await utimes(library, 0, 0);
  expect(await tensorflowDigest(folder)).toBe(before);
  await writeFile(library, 'another library');
  expect(await tensorflowDigest(folder)).not.toBe(before);
});

test('only secrets that are there and readable are found', async () => {
  await writeFile(join(folder, 'identity.txt'), '');
  expect(await readableOf([join(folder, 'identity.txt'), join(folder, 'none')])).toEqual([
    join(folder, 'identity.txt'),
  ]);
});
