import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { neededPackages } from '../../scripts/setup/neededPackages.mjs';
import { explainNpm, explainNpmWarning } from '../../scripts/setup/npmFailure.mjs';
import { npmEnvironment } from '../../scripts/setup/npmSettings.mjs';

const linux = { system: 'linux', cpu: 'x64', glibc: '2.36' };

describe('the packages that a platform needs', () => {
  const packages = {
    '': {
      dependencies: { a: '1' },
      devDependencies: { tool: '1' },
      peerDependencies: { absent: '1' },
      peerDependenciesMeta: { absent: { optional: true } },
    },
    'node_modules/a': {
      dependencies: { b: '1' },
      optionalDependencies: {
        'a-linux': '1',
        'a-musl': '1',
        'a-windows': '1',
        'a-wasm': '1',
        'not-listed': '1',
      },
    },
    'node_modules/a/node_modules/b': { version: '1' },
    'node_modules/b': { version: '2' },
    'node_modules/tool': { peerDependencies: { b: '2' }, dependencies: { tool: '1' } },
    'node_modules/a-linux': { os: ['!win32'], cpu: ['x64'], libc: ['glibc'], optional: true },
    'node_modules/a-musl': { os: ['linux'], libc: ['musl'], optional: true },
    'node_modules/a-windows': { os: ['win32'], optional: true },
    'node_modules/a-wasm': { dependencies: { wasm: '1', runtime: '1' }, optional: true },
    'node_modules/wasm': { cpu: ['wasm32'], optional: true },
    'node_modules/runtime': { version: '1' },
    'node_modules/part': { resolved: 'part', link: true },
    part: { dependencies: { b: '3', a: '1' } },
    'part/node_modules/b': { version: '3' },
    'node_modules/of-nobody': { version: '1' },
  };

  test('are what the project and its workspaces reach, each by the copy that Node finds', () => {
    expect([...neededPackages(packages, linux)].sort()).toEqual([
      '',
      'node_modules/a',
      'node_modules/a-linux',
      'node_modules/a/node_modules/b',
      'node_modules/b',
      'node_modules/part',
      'node_modules/tool',
      'part',
      'part/node_modules/b',
    ]);
  });

  test('are with musl those for musl', () => {
    const needed = neededPackages(packages, { ...linux, glibc: null });
    expect(needed).toContain('node_modules/a-musl');
    expect(needed).not.toContain('node_modules/a-linux');
  });

  test('are here exactly those that npm installed', () => {
    const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')).packages;
    const needed = neededPackages(read('package-lock.json'), linux);
    const installed = Object.keys(read('node_modules/.package-lock.json'));
    expect([...needed].filter((path) => path.includes('node_modules/')).sort()).toEqual(
      installed.filter((path) => path.includes('node_modules/')).sort(),
    );
  });
});

test('settings in the environment that change what is installed are replaced, and those of the network stay', () => {
  const user = {
    PATH: '/bin',
    NPM_CONFIG_DRY_RUN: 'true',
    'npm_config_dry-run': 'true',
    npm_config_omit: 'dev',
    npm_config_registry: 'https://mirror/',
    npm_config_fetch_retry_mintimeout: '7',
  };
  const env = npmEnvironment(user, linux, { npm_config_fetch_retry_mintimeout: '1' });
  expect(env).toMatchObject({
    npm_config_dry_run: 'false',
    npm_config_os: 'linux',
    npm_config_registry: 'https://mirror/',
    npm_config_fetch_retry_mintimeout: '7',
  });
  expect(Object.keys(env).filter((key) => /dry|omit/i.test(key))).toEqual(['npm_config_dry_run']);
});

describe('a failure of npm:', () => {
  const facts = {
    version: '11.0.0',
    registry: 'https://mirror/',
    cache: '/home/me/.npm',
    proxy: null as string | null,
  };
  const explain = (lines: string[], changes = {}) =>
    explainNpm(
      { status: 1, signal: null, output: lines.map((line) => `npm error ${line}`).join('\n') },
      { ...facts, ...changes },
      '/clone',
    );
  const request = (reason: string) => `request to https://mirror/ms failed, reason: ${reason}`;

  // The lines are npm 11's, shortened.
  test.each<[string, string[], RegExp]>([
    [
      'its cache belongs to root',
      [
        'code EACCES',
        'syscall mkdir',
        'path /home/me/.npm/_cacache/tmp',
        'errno EACCES',
        'Your cache folder contains root-owned files',
      ],
      /^npm's cache \/home\/me\/\.npm cannot be written by this user \(EACCES mkdir \/home\/me\/\.npm\/_cacache\/tmp\): make it yours with `sudo chown -R \$\(id -u\) \/home\/me\/\.npm`, or set npm_config_cache/,
    ],
    [
      'the clone belongs to someone else',
      ['code EACCES', 'syscall mkdir', 'path /clone/node_modules', 'errno -13'],
      /^The clone \/clone cannot be written by this user \(EACCES mkdir \/clone\/node_modules\): run set-up as the user who owns/,
    ],
    [
      'its cache is read-only',
      ['code EROFS', 'syscall mkdir', 'path /home/me/.npm/_cacache'],
      /^npm's cache .* read-only file system \(EROFS mkdir .*\): set npm_config_cache to a folder that you can write, and run/,
    ],
    [
      'the disk of its cache is full',
      [
        'code ENOSPC',
        'syscall write',
        'nospc Invalid response body while trying to fetch https://mirror/ms: ENOSPC: no space left on device, write',
      ],
      /^The disk that holds npm's cache \/home\/me\/\.npm is full \(Invalid response .*ENOSPC: no space left on device, write\): run `npm cache clean/,
    ],
    [
      'a quota',
      ['code EDQUOT', 'syscall write', 'path /clone/node_modules/a'],
      /^Your disk quota for the clone \/clone is used up/,
    ],
    [
      'no credentials',
      ['code E401', '401 Unauthorized - GET https://mirror/ms'],
      /\(E401 401 Unauthorized.*\): log in with `npm login --registry=https:\/\/mirror\/`/,
    ],
    [
      'a mirror that forbids',
      ['code E403', '403 403 Forbidden - GET https://mirror/ms'],
      /\(E403 403 Forbidden.*\): ask whoever runs https:\/\/mirror\/ to allow it/,
    ],
    [
      'a mirror without a version',
      ['code ETARGET', 'notarget No matching version found for ms@9'],
      /does not have .*\(ETARGET No matching version found for ms@9\)/,
    ],
    [
      'a registry that is down',
      ['code E503', '503 Service Unavailable - GET https://mirror/ms'],
      /^The registry https:\/\/mirror\/ cannot answer now \(E503 503 .*\): wait a while and run/,
    ],
    [
      'no name server',
      [
        'code ENOTFOUND',
        'syscall getaddrinfo',
        `network ${request('getaddrinfo ENOTFOUND mirror')}`,
        'network If you are behind a proxy',
      ],
      /^npm could not reach https:\/\/mirror\/ \(request .*ENOTFOUND mirror\): check the network, or/,
    ],
    [
      'a firewall that reads traffic',
      ['code SELF_SIGNED_CERT_IN_CHAIN', request('self-signed certificate in certificate chain')],
      /^npm does not trust the certificate of https:\/\/mirror\/ .*NODE_EXTRA_CA_CERTS/,
    ],
    [
      'an unknown authority',
      ['code UNABLE_TO_GET_ISSUER_CERT_LOCALLY', request('unable to get local issuer certificate')],
      /does not trust the certificate .*NODE_EXTRA_CA_CERTS/,
    ],
    [
      'a wrong clock',
      ['code CERT_NOT_YET_VALID', request('certificate is not yet valid')],
      /not valid at this time .*check the clock/,
    ],
    [
      'a proxy that wants a password',
      ['code E407', '407 Proxy Authentication Required'],
      /^The proxy .* wants a user name and password/,
    ],
    [
      'a damaged file',
      [
        'code EINTEGRITY',
        'sha512-a integrity checksum failed when using sha512: wanted sha512-a but got sha512-b. (1 bytes)',
      ],
      /\(EINTEGRITY sha512-a integrity .*\): run `npm cache verify`/,
    ],
    [
      'another program in node_modules',
      ['code ENOTEMPTY', 'syscall rmdir', 'path /clone/node_modules/a'],
      /^node_modules could not be replaced \(ENOTEMPTY rmdir \/clone\/node_modules\/a\): end programs/,
    ],
    [
      'a limit of open files',
      ['code EMFILE', 'syscall open', 'path /home/me/.npm/_cacache/x'],
      /could not open more files .*ulimit -n/,
    ],
    [
      'git missing',
      ['code ENOENT', 'syscall spawn git', 'path git', 'enoent An unknown git error occurred'],
      /needs git .*: install git/,
    ],
    [
      'a lock file of other dependencies',
      [
        'code EUSAGE',
        '`npm ci` can only install packages when your package.json and package-lock.json are in sync.',
        'Missing: ms@2.1.3 from lock file',
      ],
      /^package\.json and package-lock\.json disagree \(Missing: ms@2\.1\.3 from lock file\): run `npm install --ignore-scripts`/,
    ],
    [
      'something else',
      [
        'code EWHAT',
        'something else',
        'A complete log of this run can be found in: /home/me/.npm/_logs/x.log',
      ],
      /^npm ci failed \(EWHAT something else\): see \/home\/me\/\.npm\/_logs\/x\.log/,
    ],
  ])('%s', (_, lines, sentence) => {
    const told = explain(lines);
    expect(told).toMatch(sentence);
    expect(told).not.toMatch(/HAET_CACHE|\n/);
  });

  test('a package that needs another Node, with engine-strict', () => {
    expect(
      explain([
        'code EBADENGINE',
        'engine Unsupported engine',
        'engine Not compatible with your version of node/npm: a@2.0.1',
        'notsup Required: {"node":">=22"}',
        'notsup Actual:   {"npm":"10.2.3","node":"v20.10.0"}',
      ]),
    ).toMatch(/a@2\.0\.1 needs node >=22 \(here: npm 10\.2\.3 and node v20\.10\.0\)/);
  });

  test('a proxy that does not answer is named', () => {
    expect(
      explain(['code ECONNREFUSED', request('connect ECONNREFUSED')], { proxy: 'http://proxy:1/' }),
    ).toMatch(/through the proxy http:\/\/proxy:1\/ .*: check the network and the proxy/);
  });

  test('killed, or out of memory', () => {
    const end = (status: number | null, signal: string | null, output = '') =>
      explainNpm({ status, signal, output }, facts, '/clone');
    expect(end(null, 'SIGKILL')).toMatch(/^npm was killed \(SIGKILL\), usually because memory ran out/);
    expect(end(137, null)).toMatch(/memory ran out/);
    expect(end(null, 'SIGTERM')).toBe('npm was stopped by SIGTERM: run the command again.');
    expect(
      end(134, null, 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'),
    ).toMatch(/^npm ran out of memory \(FATAL ERROR: .*heap out of memory\)/);
  });

  test('success with files that could not be written, and with nothing of that kind', () => {
    const end = (output: string) => explainNpmWarning({ status: 0, signal: null, output }, facts, '/clone');
    expect(
      end('npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write\n\nadded 9 packages'),
    ).toMatch(/^The disk that holds the clone \/clone is full/);
    expect(end('npm warn tar TAR_ENTRY_ERROR ENOENT: no such file or directory, open x')).toMatch(
      /could not write some files .*: delete node_modules/,
    );
    expect(end('npm warn deprecated glob@7: ENOENT of no importance\nadded 9 packages')).toBeNull();
  });
});
