import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nothingHeld } from '../../../evaluator/sandbox/holds.ts';
import {
  type Attack,
  listAttacks,
  readAttack,
  runsAlone,
  whyNotRun,
} from '../../../evaluator/selfTest/attack.ts';
import { fenceNames, heldBy } from '../../../evaluator/selfTest/fences.ts';
import { archiveNames } from '../../../evaluator/selfTest/hostileArchives.ts';
import { allHeld, temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sound = { attack: 'Tries it.', expected: { verdicts: ['SCORED'], owner: 'contestant' } };

function put(name: string, value: unknown, withEntry = true): void {
  mkdirSync(join(folder, name, withEntry ? 'entry' : ''), { recursive: true });
  writeFileSync(join(folder, name, 'attack.json'), typeof value === 'string' ? value : JSON.stringify(value));
}

describe('the corpus', () => {
  test('is valid, starts with the honest entry, and contains every hostile archive', async () => {
    const attacks = await listAttacks();
    expect(attacks[0]).toMatchObject({ name: 'honest', needs: [], expected: { verdicts: ['SCORED'] } });
    expect(attacks.flatMap(({ archive }) => archive ?? []).sort()).toEqual([...archiveNames].sort());
  });

  test('has the attacks that run alone last, and names those that use up CPUs, memory, disk or processes', async () => {
    const attacks = await listAttacks();
    const alone = attacks.filter(runsAlone).map(({ name }) => name);
    expect(attacks.slice(-alone.length).map(({ name }) => name)).toEqual(alone);
    expect(alone).toEqual([
      'disk-hog',
      'floods-empty-lines',
      'floods-output',
      'floods-progress',
      'fork-bomb',
      'inode-hog',
      'links-one-file-often',
      'memory-hog',
      'page-cache',
      'tmpfs-hog',
    ]);
  });

  test('uses every guarantee, and at least one sandbox enforces them all', async () => {
    const used = new Set((await listAttacks()).flatMap(({ needs }) => needs));
    expect([...used].sort()).toEqual([...fenceNames].sort());
    const pageCache = { contains: '', complete: true, clear: async () => {} };
    const docker = heldBy({ kind: 'docker', holds: allHeld, pageCache });
    expect(fenceNames.every((fence) => docker.includes(fence))).toBe(true);
  });

  test.each(['bubblewrap', 'docker', 'user'] as const)(
    'a page cache that is not emptied of everything that stages see is no guarantee of %s',
    (kind) => {
      const pageCache = { contains: '', complete: false, clear: async () => {} };
      expect(heldBy({ kind, holds: allHeld, pageCache })).not.toContain('cache');
      expect(heldBy({ kind, holds: allHeld })).not.toContain('cache');
      expect(heldBy({ kind, holds: allHeld, pageCache: { ...pageCache, complete: true } })).toContain(
        'cache',
      );
    },
  );
});

test('runs an attack only where everything it needs is enforced', async () => {
  put('needy', { ...sound, needs: ['network', 'files'] });
  const needy = await readAttack(folder, 'needy');
  expect(whyNotRun(needy, { kind: 'process', holds: nothingHeld })).toBe(
    'the process sandbox does not hold network, files',
  );
  expect(whyNotRun(needy, { kind: 'bubblewrap', holds: allHeld })).toBeNull();
  expect(whyNotRun({ ...needy, needs: [] }, { kind: 'process', holds: nothingHeld })).toBeNull();
  const greedy: Attack = { ...needy, needs: ['memory', 'tasks', 'files'] };
  const withoutRoot = { ...allHeld, memory: false, processes: false, cpus: false };
  expect(whyNotRun(greedy, { kind: 'bubblewrap', holds: withoutRoot })).toBe(
    'the bubblewrap sandbox does not hold memory, tasks',
  );
});

test('does not run an attack on a device that this machine does not have', async () => {
  put('device', { ...sound, onlyWhere: '/dev/haet-has-no-such-device' });
  const device = await readAttack(folder, 'device');
  expect(whyNotRun(device, { kind: 'process', holds: nothingHeld })).toBe(
    'no /dev/haet-has-no-such-device here',
  );
});

test.each<[string, unknown, boolean, string]>([
  ['no-json', '{', true, 'not JSON'],
  ['no-verdict', { ...sound, expected: { verdicts: ['FINE'], owner: 'contestant' } }, true, 'verdicts'],
  ['no-fence', { ...sound, needs: ['moat'] }, true, 'needs'],
  ['nothing-sent', sound, false, 'either a folder entry/ beside it or has the field archive'],
  ['sent-twice', { ...sound, archive: 'bomb' }, true, 'either a folder entry/ beside it'],
])('an invalid attack.json is rejected by name (%s)', async (name, value, withEntry, reason) => {
  put(name, value, withEntry);
  const refused = readAttack(folder, name);
  await expect(refused).rejects.toThrow(reason);
  await expect(refused).rejects.toThrow(join(folder, name, 'attack.json'));
});

test('a missing corpus is named', async () => {
  await expect(listAttacks(join(folder, 'nowhere'))).rejects.toThrow(
    `${join(folder, 'nowhere')}: the hostile`,
  );
});
