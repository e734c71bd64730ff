import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { createTinyClone, type TinyClone } from './tinyClone.ts';

let clone: TinyClone;
beforeAll(async () => {
  clone = await createTinyClone();
});
afterAll(() => clone.remove());

const inClone = (...parts: string[]) => join(clone.root, ...parts);
const binding = () => inClone('node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node');
const nativeOps = () => inClone('node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/haet_ops_avx2.node');
const quietLoad = () => inClone('node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/haet_quiet_load.node');
const libraries = () => join(clone.cache, 'libtensorflow');

/** Expects that everything a set-up makes exists and works, and that nothing is left over. */
async function expectReady() {
  const answer = await import(`${inClone('dist/cli/main.js')}?${Math.random()}`).catch((error) => error);
  expect(answer).toMatchObject({ answer: 42 });
  expect(readFileSync(inClone('dist/submission/haet.json'), 'utf8')).toBe('{"schemaVersion":1}\n');
  for (const addon of [binding(), quietLoad(), nativeOps()]) {
    await execa('node', ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', addon]);
  }
  // Not the variant of another processor.
  const made = readdirSync(dirname(nativeOps())).filter((name) => /^haet_ops_.*node$/.test(name));
  expect(made.sort()).toEqual(['haet_ops_avx2.node', 'haet_ops_avx512.node', 'haet_ops_avx512bf16.node']);
  expect(readdirSync(libraries())).toHaveLength(1);
  expect(readdirSync(join(clone.cache, 'downloads'))).toEqual([]);
  expect(readdirSync(clone.root).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
}

/** Makes a folder of small scripts that replace programs: null for the real one. */
async function programs(scripts: Record<string, string | null>) {
  const folder = join(dirname(clone.root), 'bin');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, script] of Object.entries(scripts)) {
    const { stdout } = await execa('which', [name]);
    writeFileSync(join(folder, name), `#!/bin/sh\n${script ?? `exec ${stdout} "$@"`}\n`, { mode: 0o755 });
  }
  return folder;
}

/** Returns the environment of a machine with some programs replaced. */
async function inFront(scripts: Record<string, string>) {
  return { PATH: `${await programs(scripts)}:${process.env['PATH']}` };
}

const lastLine = (all: string | undefined) => (all ?? '').split('\n').at(-1) ?? '';

describe('a fresh clone', () => {
  test('is set up, and a second run is silent and starts no slow program', async () => {
    clone.reset();
    const first = await clone.setUp();
    expect(first.all).toMatch(/ready after \d+ s$/);
    expect(first.exitCode).toBe(0);
    await expectReady();
    const fails = 'echo "$0 was started" >&2; exit 1';
    const second = await clone.setUp(await inFront({ npm: fails, python3: fails, 'c++': fails }));
    expect(second).toMatchObject({ all: '', exitCode: 0 });
  });

  test('is set up once if two set-ups run at the same time', async () => {
    clone.reset();
    const both = await Promise.all([clone.setUp(), clone.setUp()]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const said = both.map(({ all }) => all).join('\n');
    expect(said.match(/npm packages: installing/g)).toHaveLength(1);
    expect(said).toMatch(/another set-up is running/);
    await expectReady();
  });
});

/** Begin of the line that set-up prints when a step begins, in order. */
const steps = [
  'npm packages: installing',
  'TypeScript: compiling',
  'tensorflow-cpu 2.21.0: downloading',
  'tensorflow-cpu: unpacking',
  'TensorFlow.js binding: compiling',
  'quiet load: compiling',
  ...['avx512bf16', 'avx512', 'avx2'].map((name) => `native ops for ${name}: compiling`),
];

/** Resolves when a set-up has printed a line, or has ended without it. */
function printsOrEnds(running: ReturnType<TinyClone['setUp']>, line: string): Promise<unknown> {
  let said = '';
  const prints = new Promise<void>((done) => {
    running.all.on('data', (text: Buffer) => {
      said += text;
      if (said.includes(line)) done();
    });
  });
  return Promise.race([prints, running]);
}

describe('killed with SIGKILL', () => {
  test.each([0, 100])(
    'at its start and %d ms into each step, one after the other, is recovered by the next run',
    async (delay) => {
      clone.reset();
      const kill = async (running: ReturnType<TinyClone['setUp']>, waited: Promise<unknown>) => {
        await waited;
        await sleep(delay);
        running.kill('SIGKILL');
        await running;
      };
      const starting = clone.setUp();
      await kill(starting, sleep(30));
      for (const step of steps) {
        const running = clone.setUp();
        await kill(running, printsOrEnds(running, step));
      }
      expect((await clone.setUp()).exitCode).toBe(0);
      await expectReady();
    },
    300_000,
  );
});

describe('a clone that was set up', () => {
  beforeEach(async () => {
    expect((await clone.setUp()).exitCode).toBe(0);
  });

  test('compiles only what changed when a source changes, and removes outputs of deleted sources', async () => {
    writeFileSync(inClone('cli/extra.ts'), 'export {};\n');
    expect((await clone.setUp()).all).toMatch(
      /^haet set-up: TypeScript: compiling ...\n(haet set-up: TypeScript: \d+ s so far\n)*haet set-up: ready after \d+ s$/,
    );
    expect(existsSync(inClone('dist/cli/extra.js'))).toBe(true);
    rmSync(inClone('cli/extra.ts'));
    await clone.setUp();
    expect(existsSync(inClone('dist/cli/extra.js'))).toBe(false);
    await expectReady();
  });

  test.each([
    ['an output that was deleted', () => rmSync(inClone('dist/cli/main.js')), 'TypeScript'],
    [
      'a package that was deleted',
      () => rmSync(inClone('node_modules/typescript'), { recursive: true }),
      'npm packages',
    ],
    [
      'node_modules that were deleted',
      () => rmSync(inClone('node_modules'), { recursive: true }),
      'npm packages',
    ],
    ['a binding that was deleted', () => rmSync(binding()), 'binding'],
    ['native ops that were deleted', () => rmSync(nativeOps()), 'native ops for avx2: compiling'],
    ['a quiet load that was deleted', () => rmSync(quietLoad()), 'quiet load: compiling'],
    [
      'native ops whose header changed',
      () => appendFileSync(inClone('submission/engine/native/ops/op.h'), '// changed\n'),
      'native ops for avx2: compiling',
    ],
    [
      'a library that was damaged',
      () =>
        truncateSync(join(libraries(), readdirSync(libraries())[0]!, 'tensorflow/libtensorflow_cc.so.2'), 10),
      'libtensorflow',
    ],
  ])('restores %s', async (_, damage, says) => {
    damage();
    expect((await clone.setUp()).all).toContain(says);
    await expectReady();
  });

  test('keeps its dist if a source does not compile, and names it', async () => {
    writeFileSync(inClone('cli/extra.ts'), 'export const wrong: number = "text";\n');
    const { all, exitCode } = await clone.setUp();
    rmSync(inClone('cli/extra.ts'));
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(
      /The sources do not compile \(cli\/extra\.ts\(1,14\): error TS2322.*fix them/,
    );
    await expectReady();
  });
});

describe('libtensorflow without pip', () => {
  let server: Server;
  let ranges: (string | undefined)[] = [];
  let cutAt: number | null = null;
  beforeAll(async () => {
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      const size = statSync(clone.wheel).size;
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': size - start });
      if (cutAt === null) return createReadStream(clone.wheel, { start }).pipe(response);
      const body = readFileSync(clone.wheel).subarray(start, cutAt);
      cutAt = null;
      return response.write(body, () => setTimeout(() => response.destroy(), 50));
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  });
  afterAll(() => {
    server.close();
  });
  beforeEach(() => {
    // Packages, TypeScript and addons, which do not depend on where the library comes from, stay.
    rmSync(clone.cache, { recursive: true, force: true });
    clone.withPins({});
    ranges = [];
  });
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const noPip = async () => {
    const venv = join(dirname(clone.root), 'venv');
    if (!existsSync(venv)) await execa('python3', ['-m', 'venv', '--without-pip', venv]);
    return { PATH: `${venv}/bin:${process.env['PATH']}` };
  };

  test('is downloaded directly, and a broken connection is resumed where it broke', async () => {
    cutAt = 3000;
    const { all, exitCode } = await clone.setUp({ ...(await noPip()), HAET_TENSORFLOW_URL: url() });
    expect(all).toContain('100 % of');
    expect(exitCode).toBe(0);
    expect(ranges).toEqual([undefined, 'bytes=3000-']);
    await expectReady();
  });

  test('continues the partial download of an earlier run', async () => {
    mkdirSync(join(clone.cache, 'downloads'), { recursive: true });
    const part = readFileSync(clone.wheel).subarray(0, 1234);
    writeFileSync(join(clone.cache, 'downloads', `${clone.wheel.split('/').pop()}.partial`), part);
    const { exitCode } = await clone.setUp({ ...(await noPip()), HAET_TENSORFLOW_URL: url() });
    expect(exitCode).toBe(0);
    expect(ranges).toEqual(['bytes=1234-']);
    await expectReady();
  });

  test('without network, one sentence names both downloads and where to put the file', async () => {
    const { all, exitCode } = await clone.setUp({
      ...(await noPip()),
      HAET_TENSORFLOW_URL: 'http://127.0.0.1:1/',
    });
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(
      /could not be fetched \(python3 has no pip.*; direct download: bad port\): run .*, or check the network, or put the file into .*downloads yourself/,
    );
  });

  test('uses a wheel that a person put into the folder', async () => {
    mkdirSync(join(clone.cache, 'downloads'), { recursive: true });
    writeFileSync(join(clone.cache, 'downloads', clone.wheel.split('/').pop()!), readFileSync(clone.wheel));
    const { exitCode } = await clone.setUp({
      ...(await noPip()),
      HAET_TENSORFLOW_URL: 'http://127.0.0.1:1/',
    });
    expect(exitCode).toBe(0);
    await expectReady();
  });

  test('rejects a wrong checksum from pip and from the server, and keeps no such file', async () => {
    const pins = clone.withPins({ sha256: '0'.repeat(64) });
    const { all, exitCode } = await clone.setUp({ ...pins, HAET_TENSORFLOW_URL: url() });
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(
      /the file from pip has the wrong checksum; the file from 127\.0\.0\.1:\d+ has the wrong checksum/,
    );
    expect(readdirSync(join(clone.cache, 'downloads'))).toEqual([]);
  });
});

describe('a failure is reported in one sentence:', () => {
  beforeEach(() => clone.reset());

  test('no compiler, before anything is downloaded', async () => {
    const { all, exitCode } = await clone.setUp({ CXX: 'no-such-c++' });
    expect(exitCode).toBe(2);
    expect(all).toMatch(
      /^haet set-up: The C\+\+ compiler no-such-c\+\+ was not found: correct CXX or unset it/,
    );
    expect(existsSync(inClone('node_modules'))).toBe(false);
  });

  test('a compiler without the headers of C++17, before anything is downloaded', async () => {
    const fails = 'echo "fatal error: string_view: No such file or directory" >&2; exit 1';
    const { all, exitCode } = await clone.setUp(await inFront({ 'c++': fails }));
    expect(exitCode).toBe(2);
    expect(all).toMatch(
      /^haet set-up: The C\+\+ compiler c\+\+ cannot compile C\+\+17 \(fatal error: string_view: No such file or directory\): run `/,
    );
    expect(existsSync(inClone('node_modules'))).toBe(false);
  });

  test('a compiler that fails', async () => {
    const folder = await programs({ 'c++': 'echo "x.cc:1: error: too old" >&2; exit 1' });
    const { all, exitCode } = await clone.setUp({ CXX: join(folder, 'c++') });
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(
      /could not compile the TensorFlow\.js binding \(x\.cc:1: error: too old\): repair what this line names/,
    );
  });

  test('no python3 and no compiler, in one message before anything is downloaded', async () => {
    const { all, exitCode } = await clone.setUp({ PATH: await programs({ node: null, npm: null }) });
    expect(exitCode).toBe(2);
    expect(all).toMatch(
      /^haet set-up: python3 was not found, and the C\+\+ compiler c\+\+ was not found: run `[^\n]*, and run the command again\.$/,
    );
    expect(existsSync(inClone('node_modules'))).toBe(false);
  });

  test('a virtual environment without pip, before anything is downloaded', async () => {
    const venv = join(dirname(clone.root), 'venv');
    await execa('python3', ['-m', 'venv', '--without-pip', venv]);
    const { all, exitCode } = await clone.setUp({ PATH: `${venv}/bin:${process.env['PATH']}` });
    expect(exitCode).toBe(2);
    expect(all).toMatch(
      /^haet set-up: python3 has no pip, because it is that of the virtual environment .*venv: run `python3 -m ensurepip`/,
    );
    expect(existsSync(inClone('node_modules'))).toBe(false);
  });

  test('an npm that fails', async () => {
    const { all, exitCode } = await clone.setUp(
      await inFront({ npm: 'echo "npm error broken" >&2; exit 1' }),
    );
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(/npm ci failed \(broken\): run `npm ci --ignore-scripts`/);
  });

  test('npm without a network', async () => {
    const fails = 'echo "npm error code ENOTFOUND" >&2; exit 1';
    const { all, exitCode } = await clone.setUp(await inFront({ npm: fails }));
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(/npm could not reach its registry \(.*ENOTFOUND\): check the network/);
  });

  test('a lock file that does not match package.json', async () => {
    const text = readFileSync(inClone('package.json'), 'utf8');
    writeFileSync(
      inClone('package.json'),
      text.replace('"dependencies":{', '"dependencies":{"left-pad":"file:../typescript.tgz",'),
    );
    const { all, exitCode } = await clone.setUp();
    writeFileSync(inClone('package.json'), text);
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(
      /package\.json and package-lock\.json disagree \(.*left-pad.*\): run `npm install/,
    );
  });

  test('a Node version that is too old', async () => {
    const preload = join(dirname(clone.root), 'old.cjs');
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.3' } });`,
    );
    const { all, exitCode } = await clone.setUp({}, ['--require', preload]);
    expect(exitCode).toBe(2);
    expect(all).toBe(
      'haet set-up: Node 20.18.3 is too old: install Node 24 (20.19 is the oldest that works) and run the command again.',
    );
  });

  test('a disk without space, before anything is downloaded', async () => {
    const { all, exitCode } = await clone.setUp(clone.withPins({ unpackedBytes: 1e15 }));
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(
      /is too full: libtensorflow needs 1000000000 MB there and \d+ MB are free, so free some space/,
    );
    expect(existsSync(join(clone.cache, 'downloads'))).toBe(false);
  });
});

const mountSmallDisk = (at: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24k', 'tmpfs', at]);
const canMount = (() => {
  const at = mkdtempSync(join(tmpdir(), 'haet-setup-'));
  const mounted = mountSmallDisk(at).status === 0;
  if (mounted) spawnSync('umount', [at]);
  rmdirSync(at);
  return mounted;
})();

describe('a disk that fills up during the set-up', () => {
  (canMount ? test : test.skip)(
    `is reported in one sentence, and the next run with space recovers${canMount ? '' : ' (skipped: mounting a tmpfs is not permitted)'}`,
    async () => {
      clone.reset();
      mkdirSync(clone.cache);
      expect(mountSmallDisk(clone.cache).status).toBe(0);
      try {
        const { all, exitCode } = await clone.setUp(clone.withPins({ unpackedBytes: 0 }));
        expect(exitCode).toBe(2);
        expect(lastLine(all)).toMatch(/The disk that holds .* is full \(.*\): free some space there/);
        await execa('mount', ['-o', 'remount,size=10m', clone.cache]);
        expect((await clone.setUp()).exitCode).toBe(0);
        await expectReady();
      } finally {
        await execa('umount', [clone.cache]);
      }
    },
  );
});
