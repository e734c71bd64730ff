import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { list } from 'tar';

/** Others may look into it: an ordinary user runs what root has installed there. */
const folder = mkdtempSync(join(tmpdir(), 'haet-archive-'));
const installed = join(folder, 'prefix/lib/node_modules/haet');
const files: string[] = [];
const isRoot = process.getuid?.() === 0;
/** nobody */
const ordinaryUser = 65534;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  await execa('npm', ['run', 'pack', '--', folder]);
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
  await list({
    file: join(folder, archive),
    onReadEntry: ({ path }) => files.push(path.replace('package/', '')),
  });
  // As on a machine with nothing but Node: with install scripts on, and without a compiler or Python.
  const words = ['install', '--global', '--prefix', join(folder, 'prefix'), '--no-ignore-scripts', archive];
  await execa('npm', words, { cwd: folder, env: { PATH: onlyNode() }, extendEnv: true });
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns a folder with every program of the system except Python and compilers. */
function onlyNode(): string {
  const bin = join(folder, 'bin');
  if (existsSync(bin)) return bin;
  mkdirSync(bin);
  for (const from of ['/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    for (const name of readdirSync(from)) {
      if (/python|pip|(^|-)(gcc|g\+\+|c\+\+|cc|clang|clang\+\+|make)(-\d+)?$/.test(name)) continue;
      if (!existsSync(join(bin, name)) && existsSync(join(from, name)))
        symlinkSync(join(from, name), join(bin, name));
    }
  }
  if (!existsSync(join(bin, 'node'))) symlinkSync(process.execPath, join(bin, 'node'));
  return bin;
}

/** Runs the installed command as a user in that user's empty home. */
function haetAs(user: number) {
  const home = join(folder, `home-${user}`);
  mkdirSync(home, { recursive: true });
  if (isRoot) chownSync(home, user, user);
  const become =
    user === process.getuid?.()
      ? []
      : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--'];
  return (...words: string[]) => {
    const [program, ...rest] = [...become, join(folder, 'prefix/bin/haet'), ...words];
    const env = { PATH: onlyNode(), HOME: home };
    return execa(program!, rest, { cwd: home, env, extendEnv: false, reject: false });
  };
}

describe('the archive', () => {
  test('has what runs, its types, what set-up compiles and the licence', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'cli/bin.mjs',
        'dist/cli/main.js',
        'dist/evaluator/api.d.ts',
        'dist/submission/haet.json',
        'dist/submission/main.js',
        'dist/runtime/package-lock.json',
        'evaluator/selfTest/corpus/honest/entry/train.sh',
        'evaluator/selfTest/helpers/probe.mjs',
        'scripts/setup.mjs',
        'scripts/setup/unpackWheel.py',
        'submission/engine/native/compile.json',
        'submission/engine/native/kernels/winograd.h',
        'submission/engine/native/ops/addon.cc',
        'submission/engine/quietLoad.cc',
      ]),
    );
  });

  test('has nothing of tests, benchmarks and other tools, no sources of what is compiled, and no secrets', () => {
    const allowed =
      /^(cli\/bin\.mjs|dist\/(cli|datasets|evaluator|submission)\/.*\.js|dist\/(cli|datasets|evaluator)\/.*\.d\.ts|dist\/submission\/(haet|package)\.json|dist\/runtime\/(key|package(-lock)?\.json)|dist\/commit|evaluator\/selfTest\/(corpus|helpers)\/.*|examples\/.*|scripts\/setup\.mjs|scripts\/setup\/[^/]+\.(mjs|py)|submission\/engine\/(quietLoad\.cc|native\/.*\.(cc|h|json))|package\.json|npm-shrinkwrap\.json|LICENSE|README\.md|CHANGELOG\.md)$/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    expect(
      files.filter(
        (file) => /identity|secret|\.(age|key|tgz)$/.test(file) && !/\.(js|d\.ts|json|sh|mjs)$/.test(file),
      ),
    ).toEqual([]);
  });

  test('cannot be made by `npm pack`, which does not compile, and the error names the command that can', async () => {
    const { exitCode, stderr } = await execa('npm', ['pack'], { reject: false });
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('use-npm-run-pack-instead');
    expect(readdirSync('.').filter((name) => name.endsWith('.tgz'))).toEqual([]);
  });
});

describe('installed from it, without Python, a compiler and TensorFlow', () => {
  test('nothing of TensorFlow is there', () => {
    expect(existsSync(join(installed, 'node_modules/sharp'))).toBe(true);
    expect(existsSync(join(installed, 'node_modules/@tensorflow'))).toBe(false);
  });

  const users = isRoot ? [0, ordinaryUser] : [process.getuid!()];
  test.each(users)('user %d checks and runs an entry from another folder', async (user) => {
    const haet = haetAs(user);
    expect(await haet('--version')).toMatchObject({ stdout: '0.1.0', exitCode: 0 });
    expect(await haet('init', 'entry', '--template', 'shell')).toMatchObject({ exitCode: 0 });
    expect((await haet('check', 'entry')).stdout).toContain('ready to send');
    const synthetic = ['--source', 'synthetic', '--train-per-class', '20', '--test-per-class', '10'];
    expect(await haet('data', 'make', ...synthetic, '--out', 'track')).toMatchObject({ exitCode: 0 });
    const run = await haet('dry-run', '--entry', 'entry', '--track', 'track', '--budget', '5');
    expect(run).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^SCORED {2}10\.0 % of 100 images/m),
    });
  });

  test('check-machine says that TensorFlow is not set up, and is no failure', async () => {
    const { stdout, exitCode } = await haetAs(users[0]!)('check-machine');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/! TensorFlow +not set up.*\n +-> run `haet setup`/);
  });

  test('the reference submission is set up first, and a set-up that cannot is one sentence with status 2', async () => {
    const { stderr, exitCode } = await haetAs(users.at(-1)!)('dry-run', '--budget', '5');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^haet set-up: .*python3/m);
    expect(stderr.split('\n').at(-1)).toMatch(
      /^haet: .*needs TensorFlow, which could not be set up\. .*`haet setup`/,
    );
    expect(stderr).not.toContain('    at ');
  });

  test('`haet setup` reports what it lacks, with the status of set-up', async () => {
    const { stdout, stderr, exitCode } = await haetAs(users.at(-1)!)('setup');
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/^haet set-up: .*python3/),
      exitCode: 2,
    });
  });
});

test('its types are found by those who import it, and are not empty', async () => {
  const consumer = join(folder, 'consumer');
  mkdirSync(join(consumer, 'node_modules'), { recursive: true });
  symlinkSync(installed, join(consumer, 'node_modules/haet'));
  const from = "'haet'";
  writeFileSync(
    join(consumer, 'right.ts'),
    `import { runEntry } from ${from};\nexport const of: Promise<{ verdict: string }> = runEntry({} as never, {} as never);\n`,
  );
  writeFileSync(
    join(consumer, 'wrong.ts'),
    `import { runEntry } from ${from};\nexport const of: Promise<{ verdict: number }> = runEntry({} as never, {} as never);\n`,
  );
  const options =
    '--noEmit --strict --skipLibCheck --module nodenext --target es2022 --pretty false --types node --typeRoots';
  const tsc = [
    resolve('node_modules/typescript/bin/tsc'),
    ...options.split(' '),
    resolve('node_modules/@types'),
  ];
  const { stdout } = await execa(process.execPath, [...tsc, 'right.ts', 'wrong.ts'], {
    cwd: consumer,
    reject: false,
  });
  expect(stdout).toMatch(/^wrong\.ts\(2,14\): error TS2322/);
  expect(stdout).not.toContain('right.ts');
});
