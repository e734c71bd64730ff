import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { create } from 'tar';

/** The native ops of the clone, as in its compile.json. */
const variants = [
  { name: 'avx512bf16', processor: process.arch, lanes: 16, bfloat16: true },
  { name: 'avx512', processor: process.arch, lanes: 16, bfloat16: false },
  { name: 'avx2', processor: process.arch, lanes: 8, bfloat16: false },
];

/** Names of the addons that set-up compiles in the clone. */
export const addonsOfClone: readonly string[] = [
  'tfjs_binding',
  'haet_quiet_load',
  ...variants.map(({ name }) => `haet_ops_${name}`),
];

/** A clone in which everything large is replaced by something tiny of the same form. */
export interface TinyClone {
  readonly root: string;
  readonly cache: string;
  readonly wheel: string;
  /** The variables of a set-up without a network. */
  readonly environment: Record<string, string>;
  /** Runs its set-up; `env` is added to the variables that let pip and npm work without a network. */
  setUp(env?: Record<string, string>, nodeWords?: string[], words?: string[]): ReturnType<typeof startSetUp>;
  /** Runs its set-up on a terminal of its own. Lines of `all` end with \\r\\n, and \\r redraws a line. */
  setUpOnTerminal(env?: Record<string, string>): ReturnType<typeof startOnTerminal>;
  /** Changes the pins and returns the environment that uses them. */
  withPins(change: Record<string, unknown>): Record<string, string>;
  /** Removes the outputs of a set-up. */
  reset(): void;
  remove(): void;
}

const wheelName = 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl';

function startSetUp(root: string, env: Record<string, string>, nodeWords: string[], words: string[]) {
  return execa('node', [...nodeWords, 'scripts/setup.mjs', ...words], {
    cwd: root,
    env,
    reject: false,
    all: true,
  });
}

const onTerminal =
  'import os, pty, sys; status = pty.spawn(sys.argv[1:]); sys.exit(status >> 8 or status & 127)';

function startOnTerminal(python: string, root: string, env: Record<string, string>) {
  const words = ['-c', onTerminal, process.execPath, 'scripts/setup.mjs'];
  return execa(python, words, { cwd: root, env, reject: false, all: true });
}

/** Creates one in a temporary folder. Takes about 4 s. */
export async function createTinyClone(): Promise<TinyClone> {
  const folder = mkdtempSync(join(tmpdir(), 'haet-setup-'));
  const root = join(folder, 'clone');
  const cache = join(folder, 'cache');
  const wheels = join(folder, 'wheels');
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };

  cpSync('scripts', join(root, 'scripts'), { recursive: true });
  const tsc = resolve('node_modules/typescript/lib/tsc.js');
  await packTarball(folder, 'typescript', { 'bin/tsc': `require(${JSON.stringify(tsc)});\n` });
  await packTarball(folder, 'node-api-headers', { 'include/node_api.h': '#define FROM_HEADERS 1\n' });
  await packTarball(folder, '@tensorflow/tfjs-node-gpu', {
    'binding/binding.cc': [
      '#include <node_api.h>',
      '#include "tensorflow/c/c_api.h"',
      'extern "C" void* napi_register_module_v1(void*, void* exports) { return TF_Version() ? exports : nullptr; }',
    ].join('\n'),
  });
  const packages = ['typescript', 'node-api-headers', '@tensorflow/tfjs-node-gpu'];
  const dependencies = Object.fromEntries(packages.map((name) => [name, `file:../${tarballName(name)}`]));
  write(
    'clone/package.json',
    JSON.stringify({ name: 'tiny', version: '1.0.0', type: 'module', dependencies }),
  );
  // Without the types of the web and their check, which take most of the compiler's time.
  const quick = { lib: ['ES5'], skipLibCheck: true };
  const compilerOptions = { target: 'ES2022', module: 'NodeNext', strict: true, types: [], ...quick };
  write('clone/tsconfig.json', JSON.stringify({ compilerOptions }));
  const build = {
    extends: './tsconfig.json',
    compilerOptions: { rootDir: '.' },
    include: ['cli', 'submission'],
  };
  write('clone/tsconfig.build.json', JSON.stringify(build));
  write('clone/cli/main.ts', 'export const answer: number = 42;\n');
  write('clone/cli/other.ts', 'export {};\n');
  write('clone/submission/haet.json', '{"schemaVersion":1}\n');
  write(
    'clone/submission/engine/native/ops/addon.cc',
    '#include "ops/op.h"\nextern "C" void* napi_register_module_v1(void*, void* exports) { return TF_Version() ? exports : nullptr; }\n',
  );
  write(
    'clone/submission/engine/quietLoad.cc',
    '#include <node_api.h>\nextern "C" void* napi_register_module_v1(void*, void* exports) { return exports; }\n',
  );
  write(
    'clone/submission/engine/native/compile.json',
    JSON.stringify({
      words: [],
      variants: [
        ...variants,
        { name: 'other', processor: process.arch === 'x64' ? 'arm64' : 'x64', lanes: 4, bfloat16: false },
      ].map((variant) => ({ ...variant, needs: [], words: [] })),
    }),
  );
  write('clone/submission/engine/native/ops/op.h', '#include "tensorflow/c/c_api.h"\n');
  await execa('npm', ['install', '--package-lock-only', '--ignore-scripts'], { cwd: root });

  write('library.cc', 'extern "C" const char* TF_Version() { return "tiny"; }\n');
  write('wheel/tensorflow/include/tensorflow/c/c_api.h', 'extern "C" const char* TF_Version();\n');
  write('wheel/tensorflow/python/not_wanted.py', '');
  write(
    'wheel/tensorflow_cpu-2.21.0.dist-info/METADATA',
    'Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: 2.21.0\n',
  );
  write(
    'wheel/tensorflow_cpu-2.21.0.dist-info/WHEEL',
    'Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_27_x86_64\n',
  );
  for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
    const output = join(folder, 'wheel/tensorflow', name);
    await execa('c++', ['-shared', '-fPIC', `-Wl,-soname,${name}`, '-o', output, join(folder, 'library.cc')]);
  }
  mkdirSync(wheels);
  const wheel = join(wheels, wheelName);
  await execa('python3', ['-m', 'zipfile', '-c', wheel, 'tensorflow', 'tensorflow_cpu-2.21.0.dist-info'], {
    cwd: join(folder, 'wheel'),
  });

  // A test may replace the python3 in PATH.
  const { stdout: python } = await execa('python3', ['-c', 'import sys; print(sys.executable)']);
  const pin = {
    name: 'tensorflow-cpu',
    version: '2.21.0',
    file: wheelName,
    sha256: createHash('sha256').update(readFileSync(wheel)).digest('hex'),
    unpack: ['tensorflow/lib*.so.2', 'tensorflow/include/*'],
  };
  const withPins = ({ unpackedBytes = 1e6, ...change }: Record<string, unknown>) => {
    write(
      'pins.json',
      JSON.stringify({ cpu: { version: '2.21.0', unpackedBytes, wheels: [{ ...pin, ...change }] } }),
    );
    return { HAET_SETUP_PINS: join(folder, 'pins.json') };
  };
  const environment = {
    ...withPins({}),
    HAET_CACHE: cache,
    HAET_DEVICE: 'cpu',
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: wheels,
    PIP_CONFIG_FILE: '/dev/null',
  };
  return {
    root,
    cache,
    wheel,
    environment,
    setUp: (env = {}, nodeWords = [], words = []) =>
      startSetUp(root, { ...environment, ...env }, nodeWords, words),
    setUpOnTerminal: (env = {}) => startOnTerminal(python, root, { ...environment, ...env }),
    withPins,
    reset() {
      withPins({});
      for (const name of [cache, join(root, 'node_modules'), join(root, 'dist')]) {
        rmSync(name, { recursive: true, force: true });
      }
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

const tarballName = (name: string) => `${name.replace('@', '').replace('/', '-')}.tgz`;

async function packTarball(folder: string, name: string, files: Record<string, string>) {
  const staging = mkdtempSync(join(folder, 'pack-'));
  const all = { ...files, 'package.json': JSON.stringify({ name, version: '1.0.0' }) };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(staging, 'package', file)), { recursive: true });
    writeFileSync(join(staging, 'package', file), text);
  }
  await create({ gzip: true, file: join(folder, tarballName(name)), cwd: staging }, ['package']);
}
