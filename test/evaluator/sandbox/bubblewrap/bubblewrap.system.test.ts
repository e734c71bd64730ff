import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { createSandbox } from '../../../../evaluator/sandbox/createSandbox.ts';
import {
  describeWith,
  good,
  makeEntry,
  makeTinyTrack,
  processesWith,
  temporaryFolder,
  uniqueSeconds,
} from '../../fixtures.ts';

const haet = resolve('cli/bin.mjs');
let folder: string;
let track: string;
let home: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  track = (await makeTinyTrack(folder)).dir;
  // Not in /tmp, where a stage has its own folder.
  home = await mkdtemp('/var/tmp/haet-test-home-');
  await chmod(home, 0o755); // the entry can be another user, and only the sandbox may stop it
  await mkdir(join(home, 'bin'));
  await copyFile(process.execPath, join(home, 'bin/node'));
  await writeFile(join(home, 'bin/private-program'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(home, 'identity.txt'), 'the secret\n');
});
afterAll(() => rm(home, { recursive: true, force: true }));

const dryRun = (entry: string, ...words: string[]) =>
  execa(
    join(home, 'bin/node'),
    [haet, 'dry-run', '--sandbox', 'bubblewrap', '--track', track, '--entry', entry, '--json', ...words],
    { reject: false },
  );

(await describeWith('bubblewrap'))('the bubblewrap sandbox', () => {
  test('an entry sees only Node of the home that contains the evaluator’s Node, and can run it', async () => {
    const entry = await makeEntry(folder, {
      train: `${good.train}
        find ${home} -mindepth 1 > "$HAET_OUT_DIR/found"
        cat ${home}/identity.txt >> "$HAET_OUT_DIR/found" 2>&1
        command -v node > "$HAET_OUT_DIR/node"
        node -p '"it runs"' >> "$HAET_OUT_DIR/node"`,
    });
    const { stdout, stderr } = await dryRun(entry, '--out', join(folder, 'runs'));
    const record = JSON.parse(stdout || `"${stderr}"`);
    expect(record).toMatchObject({ verdict: 'SCORED' });
    const model = (name: string) => readFile(join(record.folder, 'model', name), 'utf8');
    expect((await model('found')).split('\n')).toEqual([
      join(home, 'bin'),
      join(home, 'bin/node'),
      `cat: ${home}/identity.txt: No such file or directory`,
      '',
    ]);
    expect(await model('node')).toBe(`${home}/bin/node\nit runs\n`);
  });

  test('a program next to that Node is reported as missing, because the entry does not see it', async () => {
    const entry = await makeEntry(folder, { manifest: { train: ['private-program'] } });
    const { stdout } = await dryRun(entry, '--out', join(folder, 'runs'));
    expect(JSON.parse(stdout).evidence.join()).toContain('no program "private-program" on PATH');
  });

  test('a folder of runs that every entry could read is rejected before anything is created', async () => {
    const entry = await makeEntry(folder);
    const inEntry = await dryRun(entry, '--out', join(entry, 'runs'));
    expect(inEntry).toMatchObject({ exitCode: 2, stdout: '' });
    expect(inEntry.stderr).toContain(`lies in the entry, ${entry}, and runs there would become part of it`);
    const below = `/usr/local/haet-test-${basename(folder)}`;
    const inSystem = await dryRun(entry, '--out', below);
    expect(inSystem.stderr).toMatch(
      /^haet: --out \/usr\/local\/\S+ lies in \/usr, which every entry can read/m,
    );
    await expect(readFile(below)).rejects.toThrow(/ENOENT/);
  });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('a stage that cannot be started leaves no process behind, and the error says why', async () => {
    const broken = join(folder, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, 'nsenter'), '#!/bin/sh\necho "nsenter is broken" >&2\nexit 1\n', {
      mode: 0o755,
    });
    const [out, path, seconds] = [await temporaryFolder(), process.env.PATH, uniqueSeconds()];
    const sandbox = await createSandbox('bubblewrap');
    process.env.PATH = `${broken}:${path}`;
    const limits = {
      cpus: 1,
      memoryBytes: 2 ** 28,
      processes: 100,
      workBytes: 2 ** 20,
      outBytes: 2 ** 20,
      outFiles: 9,
    };
    const started = sandbox.start({
      ...{ argv: ['sleep', seconds], cwd: '/', environment: { PATH: '/usr/bin' }, progress: false },
      ...{ mounts: [], out: { host: out, inside: '/out' }, work: '/work', limits },
    });
    await expect(started).rejects.toThrow('nsenter is broken');
    process.env.PATH = path;
    expect(processesWith(seconds)).toEqual([]);
  });
});
