import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { addonsOfClone, createTinyClone, type TinyClone } from './tinyClone.ts';

// A package as the archive installs it, with tiny packages and a tiny libtensorflow: no TypeScript sources, no
// node_modules of its own that set-up could use, and the lock file of the runtime in dist/runtime.
let clone: TinyClone;
let installed: string;
const key = '1.0.0-12345678';
const runtime = () => join(clone.cache, 'runtime', key);
const inPackage = (name: string) =>
  join(runtime(), 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8', `${name}.node`);

beforeAll(async () => {
  clone = await createTinyClone();
  const folder = realpathSync(dirname(clone.root));
  installed = join(folder, 'installed');
  for (const part of ['scripts', 'submission']) {
    cpSync(join(clone.root, part), join(installed, part), { recursive: true });
  }
  mkdirSync(join(installed, 'dist/runtime'), { recursive: true });
  mkdirSync(join(installed, 'dist/submission'), { recursive: true });
  writeFileSync(join(installed, 'dist/submission/haet.json'), '{"schemaVersion":1}\n');
  writeFileSync(join(installed, 'dist/submission/main.js'), 'export {};\n');
  writeFileSync(join(installed, 'package.json'), '{ "name": "tiny", "type": "module" }');
  writeFileSync(join(installed, 'dist/runtime/key'), `${key}\n`);
  // The folder of the runtime is as deep, so relative paths in the lock file hold in both.
  const { dependencies } = JSON.parse(readFileSync(join(clone.root, 'package.json'), 'utf8'));
  const { typescript: _, ...needed } = Object.fromEntries(
    Object.entries<string>(dependencies).map(([name, file]) => [
      name,
      file.replace('file:..', 'file:../../..'),
    ]),
  );
  const manifest = { name: 'tiny-submission', version: '1.0.0', type: 'module', dependencies: needed };
  writeFileSync(join(installed, 'dist/runtime/package.json'), JSON.stringify(manifest));
  await execa('npm', ['install', '--package-lock-only', '--ignore-scripts'], {
    cwd: join(installed, 'dist/runtime'),
  });
  await execa('chmod', ['-R', 'a-w', installed]);
});
afterAll(async () => {
  await execa('chmod', ['-R', 'u+w', installed]);
  clone.remove();
});

const setUp = () => {
  const script = join(installed, 'scripts/setup.mjs');
  const cwd = dirname(clone.cache);
  return execa('node', [script], { cwd, env: clone.environment, reject: false, all: true });
};
const listInstalled = () => readdirSync(installed, { recursive: true }).sort();

/** Expects a runtime whose parts load, beside the submission, and an unchanged package. */
async function expectReady() {
  for (const name of addonsOfClone) {
    await execa('node', ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', inPackage(name)]);
  }
  expect(readdirSync(join(runtime(), 'submission')).sort()).toEqual(['haet.json', 'main.js']);
  expect(readdirSync(join(runtime(), 'node_modules')).sort()).toEqual([
    '.package-lock.json',
    '@tensorflow',
    'node-api-headers',
  ]);
}

test('set-up of an installed package makes the runtime in the cache, leaves the package alone, and is silent when repeated', async () => {
  const before = listInstalled();
  const first = await setUp();
  expect(first).toMatchObject({ exitCode: 0, all: expect.stringMatching(/ready after \d+ s$/) });
  expect(first.all).not.toContain('TypeScript: compiling');
  await expectReady();
  expect(await setUp()).toMatchObject({ all: '', exitCode: 0 });
  expect(listInstalled()).toEqual(before);
});

test.each([
  ['a package', () => rmSync(join(runtime(), 'node_modules/node-api-headers'), { recursive: true })],
  ['the native ops', () => rmSync(inPackage('haet_ops_avx512'))],
  ['a file of the submission', () => rmSync(join(runtime(), 'submission/main.js'))],
  ['a changed file of the submission', () => writeFileSync(join(runtime(), 'submission/main.js'), 'changed')],
  ['all of the runtime', () => rmSync(runtime(), { recursive: true })],
])('it restores %s', async (_, damage) => {
  damage();
  expect(await setUp()).toMatchObject({ exitCode: 0 });
  await expectReady();
  expect(readFileSync(join(runtime(), 'submission/main.js'), 'utf8')).toBe('export {};\n');
});

test('one that was killed is completed by the next', async () => {
  rmSync(runtime(), { recursive: true });
  const running = setUp();
  while (!existsSync(join(runtime(), 'package-lock.json'))) await new Promise((wake) => setTimeout(wake, 20));
  running.kill('SIGKILL');
  await running;
  expect(await setUp()).toMatchObject({ exitCode: 0 });
  await expectReady();
});
