import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { fetchWheel } from '../../scripts/setup/fetchWheel.mjs';
import { addonsOfClone, createTinyClone, type TinyClone } from './tinyClone.ts';

let clone: TinyClone;
let folder: string;
beforeAll(async () => {
  clone = await createTinyClone();
  folder = dirname(clone.root);
  expect((await clone.setUp()).exitCode).toBe(0);
});
afterAll(() => clone.remove());

const addon = (name: string) =>
  join(clone.root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8', `${name}.node`);
const binding = () => addon('tfjs_binding');
const lastLine = (all: string | undefined) => (all ?? '').trimEnd().split('\n').at(-1) ?? '';

/** Writes a file below the folder of the clone and returns its path. */
function write(file: string, text: string, mode = 0o644) {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
  return path;
}
const program = (file: string, script: string) => write(file, `#!/bin/sh\n${script}\n`, 0o755);

/** Expects that Node loads an addon. */
const expectLoads = (file: string, env = {}) =>
  execa('node', ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', file], { env });

const mount = (at: string, options: string) =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at]).status === 0;
const canMount = (() => {
  const at = mkdtempSync(join(tmpdir(), 'haet-mount-'));
  const mounted = mount(at, 'size=24k');
  if (mounted) spawnSync('umount', [at]);
  rmdirSync(at);
  return mounted;
})();
const withMount = canMount ? test : test.skip;
const skipped = canMount ? '' : ' (skipped: mounting a tmpfs is not permitted)';

describe('CXX', () => {
  test('can have words before and after the compiler', async () => {
    const log = join(folder, 'launched');
    program('my tools/launcher', `echo "$@" >> ${log}; exec "$@"`);
    const { all, exitCode } = await clone.setUp({ CXX: `"${folder}/my tools/launcher" c++ -m64` });
    expect(lastLine(all)).toMatch(/ready after/);
    expect(exitCode).toBe(0);
    expect(readFileSync(log, 'utf8')).toMatch(/^c\+\+ -m64 .*tfjs_binding\.node\.partial$/m);
  });

  test.each([
    [
      'writes nothing',
      'exit 0',
      /ended without an error and wrote no TensorFlow\.js binding: check what CXX/,
    ],
    [
      'is killed for memory',
      'kill -9 $$',
      /could not compile .* \(killed by SIGKILL\): the compiler ran out of memory, so free about 1 GB/,
    ],
    [
      'makes a file for another machine',
      'for last; do :; done; printf "\\177ELF\\001\\001\\001%01000d" 0 > "$last"',
      /does not load \(.*(ELF|file).*\): the compiler made a file for another machine .* in CXX and run/,
    ],
  ])('%s: the sentence says so and names what helps', async (_, script, sentence) => {
    const { all, exitCode } = await clone.setUp({ CXX: program('bad/compiler', script) });
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(sentence);
    expect(lastLine(all)).not.toMatch(/Linux distribution|needs C\+\+17/);
  });
});

describe('libtensorflow', () => {
  test('is not put into a folder with a colon, which no run path can name', async () => {
    const { all, exitCode } = await clone.setUp({ HAET_CACHE: join(folder, 'a:b') });
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(/has a colon in its path.*set HAET_CACHE to one without/);
  });

  test('comes before another TensorFlow in LD_LIBRARY_PATH', async () => {
    const source = write('foreign/foreign.cc', 'extern "C" int other() { return 1; }\n');
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
      const output = join(dirname(source), name);
      await execa('c++', ['-shared', '-fPIC', `-Wl,-soname,${name}`, '-o', output, source]);
    }
    rmSync(binding());
    const env = { LD_LIBRARY_PATH: dirname(source) };
    const { all, exitCode } = await clone.setUp(env);
    expect(lastLine(all)).toMatch(/ready after/);
    expect(exitCode).toBe(0);
    await expectLoads(binding(), env);
  });

  withMount(`on a disk without permission to execute: the sentence says so${skipped}`, async () => {
    const cache = join(folder, 'noexec');
    mkdirSync(cache);
    expect(mount(cache, 'noexec,size=20m')).toBe(true);
    try {
      const { all, exitCode } = await clone.setUp({ HAET_CACHE: cache });
      expect(exitCode).toBe(2);
      expect(lastLine(all)).toMatch(
        /failed to map segment.*\): the disk that holds .*libtensorflow.* is mounted with "noexec" .*point HAET_CACHE at a folder on another disk/,
      );
      expect(lastLine(all)).not.toMatch(/Linux distribution/);
    } finally {
      await execa('umount', [cache]);
    }
  });

  test('names a file that stands where its folder should be', async () => {
    const file = write('not-a-folder', '');
    const { all, exitCode } = await clone.setUp({ HAET_CACHE: join(file, 'cache') });
    expect(exitCode).toBe(2);
    expect(lastLine(all)).toMatch(
      /not-a-folder\/cache.* is not a folder \(ENOTDIR\): move away .*HAET_CACHE/,
    );
  });
});

describe('python3', () => {
  test.each([
    [
      'a pyenv without that version',
      'echo "pyenv: python3: command not found" >&2; exit 127',
      /^haet set-up: python3 cannot be used \(pyenv: python3: command not found; exit status 127\): choose an installed version with `pyenv global`/,
    ],
    [
      'a wrapper that closes files',
      'exec 3>&-; exec REAL "$@"',
      /could not be locked \(OSError: \[Errno 9\] Bad file descriptor\), because python3 is a wrapper/,
    ],
  ])('%s: the sentence does not speak of file locks', async (_, script, sentence) => {
    const { stdout: real } = await execa('python3', ['-c', 'import sys; print(sys.executable)']);
    const python = program('broken/python3', script.replace('REAL', real));
    rmSync(join(clone.root, 'dist'), { recursive: true, force: true });
    const { all, exitCode } = await clone.setUp({ PATH: `${dirname(python)}:${process.env['PATH']}` });
    expect(exitCode).toBe(2);
    expect(all).toMatch(sentence);
    expect(all).not.toMatch(/file system with file locks/);
  });
});

describe('a wheel', () => {
  let downloads: string;
  let wheel: Parameters<typeof fetchWheel>[0];
  beforeAll(() => {
    downloads = join(folder, 'downloads');
    const pins = JSON.parse(readFileSync(clone.withPins({})['HAET_SETUP_PINS']!, 'utf8'));
    wheel = pins.cpu.wheels[0];
  });
  afterEach(() => rmSync(downloads, { recursive: true, force: true }));
  const fetch = async (env: Record<string, string>) => {
    try {
      const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PIP_'));
      return await fetchWheel(wheel, downloads, { env: { ...Object.fromEntries(own), ...env } });
    } catch (error) {
      return (error as Error).message;
    }
  };

  const obstacles = {
    'require-virtualenv': '1',
    'require-hashes': '1',
    constraint: '/no/such/file',
    quiet: '1',
    'no-binary': ':all:',
    platform: 'win_amd64',
    target: '/no/such/folder',
    'python-version': '2.7',
    log: '/no/such/folder/log',
    dest: '/no/such/folder',
    'dry-run': '1',
    user: '1',
    prefix: '/no/such/folder',
    'no-clean': '1',
  };

  test('is fetched whatever the environment says about the user’s own packages', async () => {
    const variables = Object.entries(obstacles).map(([name, value]) => [
      `PIP_${name.toUpperCase().replaceAll('-', '_')}`,
      value,
    ]);
    const env = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: dirname(clone.wheel), ...Object.fromEntries(variables) };
    expect(await fetch({ PIP_CONFIG_FILE: '/dev/null', ...env })).toBe(join(downloads, wheel.file));
  });

  test('is fetched whatever pip.conf says about them, with its mirrors', async () => {
    const lines = Object.entries(obstacles).map(([name, value]) => `${name} = ${value}`);
    const text = [
      '[global]',
      ...lines,
      'no-index = true',
      '[download]',
      `find-links = ${dirname(clone.wheel)}`,
    ];
    const file = write('pip.conf', `${text.join('\n')}\n`);
    expect(await fetch({ PIP_CONFIG_FILE: file })).toBe(join(downloads, wheel.file));
  });

  test('is not fetched by a virtual environment without pip, and the advice is not to install Debian’s', async () => {
    await execa('python3', ['-m', 'venv', '--without-pip', join(folder, 'venv')]);
    const sentence = await fetch({ PATH: `${folder}/venv/bin:${process.env['PATH']}` });
    expect(sentence).toMatch(
      /\(python3 has no pip: it is that of the virtual environment .*venv; no direct download is known\): run .*`deactivate`, or put the file/,
    );
    expect(sentence).not.toMatch(/apt install|check the network/);
  });

  test('a setting that pip does not understand is named, and the network is not blamed', async () => {
    const file = write('broken.conf', 'index-url = [\n');
    const sentence = await fetch({ PIP_CONFIG_FILE: file });
    expect(sentence).toMatch(/Configuration file could not be loaded.*correct this setting of pip/);
    expect(sentence).not.toMatch(/check the network/);
  });

  describe('of a mirror', () => {
    let server: Server;
    beforeAll(async () => {
      server = createServer((request, response) => {
        const [, how] = request.url!.split('/');
        if (how === 'forbidden') return response.writeHead(403).end();
        if (how === 'empty') return response.writeHead(404).end();
        if (request.url!.endsWith('.whl')) return response.end('not the wheel');
        const link = `/wrong/${wheel.file}#sha256=${wheel.sha256}`;
        return response
          .writeHead(200, { 'content-type': 'text/html' })
          .end(`<a href="${link}">${wheel.file}</a>`);
      });
      await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    });
    afterAll(() => {
      server.close();
    });

    test.each([
      ['that refuses', 'forbidden', /403 Client Error.*check the mirror .* and your access to it/],
      ['that does not have it', 'empty', /\(pip: .*(404|No matching|Could not find).*check the mirror/],
      ['that has another file', 'wrong', /DO NOT MATCH THE HASHES.*use another mirror/],
    ])('%s', async (_, how, pattern) => {
      const port = (server.address() as AddressInfo).port;
      const sentence = await fetch({
        PIP_INDEX_URL: `http://127.0.0.1:${port}/${how}/`,
        PIP_CONFIG_FILE: '/dev/null',
      });
      expect(sentence).toMatch(pattern);
      expect(sentence).not.toMatch(/check the network/);
      expect(existsSync(join(downloads, basename(clone.wheel)))).toBe(false);
    });
  });
});

describe('a machine with a umask of 077, a PYTHONPATH that shadows modules, and a comma in the cache’s path', () => {
  let cache: string;
  test('is set up', async () => {
    cache = join(folder, "a, b's $c #%ü\\");
    for (const name of ['fcntl', 'zipfile', 'json', 'shutil']) {
      write(`shadow/${name}.py`, 'raise RuntimeError("shadowed")\n');
    }
    for (const name of ['dist', 'node_modules'])
      rmSync(join(clone.root, name), { recursive: true, force: true });
    // As `git clone` makes it with this umask.
    chmodSync(join(clone.root, 'submission/haet.json'), 0o600);
    const strict = program('bin/strict', 'umask 077; exec "$@"');
    const { all, exitCode } = await execa(strict, ['node', 'scripts/setup.mjs'], {
      cwd: clone.root,
      env: { ...clone.environment, HAET_CACHE: cache, PYTHONPATH: join(folder, 'shadow') },
      reject: false,
      all: true,
    });
    expect(lastLine(all)).toMatch(/ready after/);
    expect(exitCode).toBe(0);
  });

  test('has addons that load', async () => {
    for (const name of addonsOfClone) await expectLoads(addon(name));
  });

  test('has nothing that other users cannot read, because a sandbox runs entries as one', async () => {
    const made = [cache, join(clone.root, 'dist'), join(clone.root, 'node_modules')];
    const unreadable = [
      '!',
      '-type',
      'l',
      '(',
      '!',
      '-perm',
      '-o=r',
      '-o',
      '-type',
      'd',
      '!',
      '-perm',
      '-o=rx',
      ')',
    ];
    expect((await execa('find', [...made, ...unreadable])).stdout).toBe('');
  });
});
