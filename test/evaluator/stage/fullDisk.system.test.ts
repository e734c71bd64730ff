import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Limits } from '../../../evaluator/contract.ts';
import { packEntry } from '../../../evaluator/intake/packEntry.ts';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import { makeOpenedFolder } from '../../../evaluator/stage/openedFolder.ts';
import { type EntryScripts, machine, makeEntry, makeTinyTrack, temporaryFolder } from '../fixtures.ts';

const mount = (at: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', at]).status === 0;
const canMount = (() => {
  const at = mkdtempSync(join(tmpdir(), 'haet-test-'));
  const could = mount(at);
  if (could) spawnSync('umount', [at]);
  rmdirSync(at);
  return could;
})();
const suite = canMount ? describe : describe.skip;

suite(`on a disk of 8 MiB${canMount ? '' : ' (skipped: mounting a tmpfs is not permitted)'}`, () => {
  let folder: string;
  let disk: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    disk = join(folder, 'disk');
    await mkdir(disk);
    mount(disk);
  });
  afterEach(async () => {
    spawnSync('umount', ['-l', disk]);
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (scripts: EntryScripts, limits: Partial<Limits> = {}) =>
    runPlanned(await makeEntry(folder, scripts), limits);
  const runPlanned = async (entryPath: string, limits: Partial<Limits> = {}) =>
    runEntry(
      {
        entryPath,
        track: await makeTinyTrack(folder),
        runsFolder: disk,
        seed: 1,
        limits: { trainSeconds: 20, predictSeconds: 20, ...limits },
        machine,
      },
      await createProcessSandbox(),
    );
  const fill = 'head -c 100000000 /dev/zero > "$HAET_OUT_DIR/model"';

  test('an entry that fills it beyond its quota and fails gets DISK_FULL, and the record is still written', async () => {
    const record = await run({ train: fill }, { outBytes: 2 ** 20 });
    expect(record).toMatchObject({
      verdict: 'DISK_FULL',
      owner: 'contestant',
      stages: [{ ended: 'disk-full' }],
    });
    expect(record.evidence.join()).toContain('scratch folder was full');
    expect(JSON.parse(await readFile(join(record.folder, 'record.json'), 'utf8')).verdict).toBe('DISK_FULL');
  });

  test('an entry that fails on it within its quota is not to blame, and the record is still written', async () => {
    const record = await run({ train: fill });
    expect(record).toMatchObject({ verdict: 'INFRA_FAULT', owner: 'infrastructure' });
    expect(record.evidence.join()).toContain('the disk of the run was full, but its own output was within');
    expect(JSON.parse(await readFile(join(record.folder, 'record.json'), 'utf8')).verdict).toBe(
      'INFRA_FAULT',
    );
  });

  test('an entry for which others left no space is not to blame', async () => {
    const record = await run({ train: `head -c 100000000 /dev/zero > ${join(disk, 'others')}; exit 1` });
    expect(record).toMatchObject({ verdict: 'INFRA_FAULT', owner: 'infrastructure' });
  });

  test('an entry that filled it, noticed it and freed space is scored', async () => {
    const record = await run({ train: `${fill}; echo small > "$HAET_OUT_DIR/model"` });
    expect(record.verdict).toBe('SCORED');
  });

  test('a flood of logs takes no more space than their cap', async () => {
    const record = await run({
      train: 'head -c 50000000 /dev/zero; echo x > "$HAET_OUT_DIR/model"',
    });
    expect(record.verdict).toBe('SCORED');
  });

  test('an archive that does not fit is not rejected, and the evaluator says why it failed', async () => {
    const entry = await makeEntry(folder, { files: { weights: randomBytes(10 * 2 ** 20) } });
    const archive = join(folder, 'entry.tar.gz');
    await packEntry(entry, archive);
    const record = await runPlanned(archive);
    expect(record).toMatchObject({ verdict: 'INFRA_FAULT', owner: 'infrastructure', stages: [] });
    expect(record.evidence.join()).toContain('ENOSPC');
  });

  test('opened images are kept elsewhere if the file system in memory cannot be written', async () => {
    const made = [await makeOpenedFolder(disk)];
    spawnSync('mount', ['-o', 'remount,ro', disk]);
    made.push(await makeOpenedFolder(disk));
    spawnSync('mount', ['-o', 'remount,rw', disk]);
    for (const path of made) await rm(path, { recursive: true });
    expect(made.map(dirname)).toEqual([disk, tmpdir()]);
  });

  test('a full disk before the run is an INFRA_FAULT and starts no entry', async () => {
    await writeFile(join(disk, 'filler'), Buffer.alloc(8 * 2 ** 20)).catch(() => {});
    const record = await run({ train: `touch ${join(folder, 'started')}` });
    expect(record).toMatchObject({ verdict: 'INFRA_FAULT', owner: 'infrastructure', stages: [] });
    expect(record.evidence.join()).toContain('ENOSPC');
    expect(existsSync(join(folder, 'started'))).toBe(false);
  });
});

test('a record that cannot be written turns the verdict into INFRA_FAULT, which names the original verdict', async () => {
  const folder = await temporaryFolder();
  const record = await runEntry(
    {
      entryPath: await makeEntry(folder, {
        predict: 'mkdir -p "$HAET_OUT_DIR/../record.json/x"; cp constant.npy "$HAET_OUT_DIR/predictions.npy"',
      }),
      track: await makeTinyTrack(folder),
      runsFolder: join(folder, 'runs'),
      seed: 1,
      machine,
    },
    await createProcessSandbox(),
  );
  expect(record).toMatchObject({ verdict: 'INFRA_FAULT', owner: 'infrastructure', score: null });
  expect(record.evidence.join()).toContain('the verdict would have been SCORED, 100 of 1000 correct');
  await rm(folder, { recursive: true, force: true });
});
