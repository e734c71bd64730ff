import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'haet-quiet-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a library in place of TensorFlow', () => {
  const addon = join(folder, 'quiet.node');
  const compile = (words: string[]) => execa('c++', ['-shared', '-fPIC', '-std=c++17', ...words]);
  beforeAll(async () => {
    const headers = join(root, 'node_modules/node-api-headers/include');
    const source = join(root, 'submission/engine/quietLoad.cc');
    await compile(['-DNAPI_VERSION=8', '-I', headers, `-Wl,-rpath,${folder}`, source, '-o', addon]);
  });

  /** Loads the addon, which loads a library that runs `code` on load. */
  async function load(code: string) {
    const source = join(folder, 'library.cc');
    writeFileSync(
      source,
      `#include <cstdio>\n#include <cstdlib>\nextern "C" void missing();\nstatic int ran = [] { ${code} return 0; }();\n`,
    );
    await compile([source, '-o', join(folder, 'libtensorflow_framework.so.2')]);
    const script = 'require(process.argv[1]); console.error("after");';
    return execa(process.execPath, ['-e', script, addon], { reject: false });
  }

  test('loads without the start-up lines, and every other line reaches standard error', async () => {
    const { exitCode, stderr } = await load(
      [
        'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n',
        'I0000 port.cc:153] oneDNN custom operations are on. You may see other results.\\n',
        'W0000 other.cc:1] something is wrong\\n',
        'no newline, ',
      ]
        .map((text) => `fputs("${text}", stderr);`)
        .join(''),
    );
    expect(exitCode).toBe(0);
    expect(stderr).toBe('W0000 other.cc:1] something is wrong\nno newline, after');
  });

  test('an abort during loading has printed its reason', async () => {
    const { signal, stderr } = await load('fputs("F0000 the CPU has no AVX\\n", stderr); abort();');
    expect(signal).toBe('SIGABRT');
    expect(stderr).toBe('F0000 the CPU has no AVX');
  });

  test("the loader's error names a library that cannot be loaded", async () => {
    const { exitCode, stderr } = await load('missing();');
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/undefined symbol: missing/);
    rmSync(join(folder, 'libtensorflow_framework.so.2'));
    const gone = await execa(process.execPath, ['-e', 'require(process.argv[1])', addon], { reject: false });
    expect(gone.stderr).toMatch(/Error: libtensorflow_framework\.so\.2: cannot open shared object file/);
  });
});

test('TensorFlow starts without these lines, and its later output reaches standard error', async () => {
  const script = `await import(${JSON.stringify(join(root, 'dist/submission/engine/tensorflow.js'))});`;
  const start = (level: string) =>
    execa(process.execPath, ['--input-type=module', '-e', script], { env: { TF_CPP_MIN_LOG_LEVEL: level } });
  expect((await start('2')).stderr).toBe('');
  expect((await start('0')).stderr).toMatch(/cpu_feature_guard/);
});
