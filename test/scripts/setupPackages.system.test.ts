import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { startTinyRegistry, type TinyRegistry } from './tinyRegistry.ts';

const only = (os: string, cpu: string, libc?: string) => ({
  os: [os],
  cpu: [cpu],
  ...(libc && { libc: [libc] }),
});
const native = ['native-linux-x64', 'native-linux-x64-musl', 'native-darwin-arm64'];

let folder: string;
let root: string;
let registry: TinyRegistry;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'haet-packages-'));
  root = join(folder, 'above', 'clone');
  registry = await startTinyRegistry({
    'base@0.9.0': {},
    'base@1.0.0': {},
    'tool@1.0.0': {},
    'native@1.0.0': { optionalDependencies: Object.fromEntries(native.map((name) => [name, '1.0.0'])) },
    'native-linux-x64@1.0.0': only('linux', 'x64', 'glibc'),
    'native-linux-x64-musl@1.0.0': only('linux', 'x64', 'musl'),
    'native-darwin-arm64@1.0.0': only('darwin', 'arm64'),
    'new@1.0.0': { engines: { node: '>=99' } },
  });
  cpSync('scripts', join(root, 'scripts'), { recursive: true });
  writeFileSync(
    join(root, 'install.mjs'),
    [
      "import { installPackages, packagesAreReady } from './scripts/setup/packages.mjs';",
      'try {',
      '  const before = packagesAreReady();',
      '  if (!before) await installPackages([]);',
      "  console.log(before ? 'was ready' : packagesAreReady() ? 'installed' : 'not ready');",
      '} catch (error) {',
      "  console.log(error.name === 'SetupFailure' ? error.message : error.stack);",
      '}',
    ].join('\n'),
  );
  await writeProject({ base: '1.0.0', native: '1.0.0' });
});
afterAll(() => {
  registry.close();
  rmSync(folder, { recursive: true });
});

/** Writes the packages of the clone: a root and a workspace, and a lock file without addresses. */
async function writeProject(dependencies: Record<string, string>) {
  const write = (file: string, value: unknown) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), JSON.stringify(value));
  };
  write('package.json', {
    name: 'clone',
    version: '1.0.0',
    type: 'module',
    workspaces: ['part'],
    dependencies,
    devDependencies: { tool: '1.0.0' },
  });
  write('part/package.json', { name: 'part', version: '1.0.0', dependencies: { base: '0.9.0' } });
  rmSync(join(root, 'package-lock.json'), { force: true });
  await execa('npm', ['install', '--package-lock-only', `--registry=${registry.url}`], { cwd: root });
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const entry of Object.values<{ resolved?: string; link?: boolean }>(lock.packages)) {
    if (!entry.link) delete entry.resolved;
  }
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
}

const modules = () => join(root, 'node_modules');
beforeEach(() => {
  registry.answer(null);
  registry.damage(false);
  for (const name of [modules(), join(root, 'part/node_modules'), join(folder, 'cache')]) {
    rmSync(name, { recursive: true, force: true });
  }
});

/** Runs the step in a new npm cache and returns what it prints. `settings` are lines of the user's .npmrc. */
async function install({ settings = [] as string[], env = {} as Record<string, string | undefined> } = {}) {
  const userconfig = join(folder, 'npmrc');
  writeFileSync(userconfig, [`registry=${registry.url}`, ...settings].join('\n'));
  const { stdout } = await execa('node', ['install.mjs'], {
    cwd: root,
    env: {
      npm_config_userconfig: userconfig,
      npm_config_cache: join(folder, 'cache'),
      npm_config_fetch_retries: '0',
      ...env,
    },
  });
  return stdout;
}

const installed = () => [
  ...['node_modules', 'part/node_modules'].flatMap((name) =>
    readdirSync(join(root, name))
      .filter((entry) => !entry.startsWith('.'))
      .map((entry) => `${name}/${entry}`),
  ),
];
const complete = [
  'node_modules/base',
  'node_modules/native',
  'node_modules/native-linux-x64',
  'node_modules/part',
  'node_modules/tool',
  'part/node_modules/base',
];

test('the mirror that the global file of settings names is used', async () => {
  const prefix = join(folder, 'global');
  mkdirSync(join(prefix, 'etc'), { recursive: true });
  writeFileSync(join(prefix, 'etc/npmrc'), `registry=${registry.url}\n`);
  // npm names the file to the scripts that it runs, as when it runs these tests.
  const env = {
    npm_config_userconfig: join(folder, 'none'),
    npm_config_globalconfig: undefined,
    PREFIX: prefix,
  };
  expect(await install({ env })).toBe('installed');
});

describe('everything in the lock file is installed whatever npm was told:', () => {
  test.each<[string, { settings?: string[]; env?: Record<string, string> }]>([
    [
      'NODE_ENV=production, and omit in the environment',
      { env: { NODE_ENV: 'production', npm_config_omit: 'optional', NPM_CONFIG_OMIT: 'dev' } },
    ],
    [
      'omit, only, production and optional',
      { settings: ['omit[]=dev', 'omit[]=optional', 'only=prod', 'production=true', 'optional=false'] },
    ],
    [
      'workspaces off, another layout of node_modules, another platform',
      {
        settings: [
          ...['workspaces=false', 'install-strategy=linked', 'global-style=true', 'legacy-bundling=true'],
          ...['install-links=true', 'os=darwin', 'cpu=arm64', 'libc=musl'],
        ],
        env: { npm_config_workspace: 'part' },
      },
    ],
    [
      'an install that writes nothing, or elsewhere, or from other sources',
      {
        settings: [
          ...['dry-run=true', 'package-lock-only=true', 'global=true', 'location=global', 'prefix=/nowhere'],
          ...['package-lock=false', 'shrinkwrap=false', 'force=true', 'legacy-peer-deps=true'],
          ...['strict-peer-deps=true', 'allow-directory=none', 'allow-remote=none', 'loglevel=silent'],
        ],
      },
    ],
    ['a minimum age of packages', { settings: ['min-release-age=9999'] }],
    ['a date', { settings: ['before=2020-01-01'] }],
  ])('%s', async (_, told) => {
    expect(await install(told)).toBe('installed');
    expect(installed().sort()).toEqual(complete);
  });

  test('a clone inside another npm workspace', async () => {
    const above = join(folder, 'above/package.json');
    writeFileSync(above, JSON.stringify({ name: 'above', workspaces: ['clone'] }));
    const answer = await install();
    rmSync(above);
    expect(answer).toBe('installed');
    expect(installed().sort()).toEqual(complete);
    expect(existsSync(join(folder, 'above/node_modules'))).toBe(false);
  });
});

describe('packages are not ready', () => {
  test('if npm was told to omit the optional ones: this platform needs one of them', async () => {
    await execa('npm', ['ci', '--omit=optional', `--registry=${registry.url}`], { cwd: root });
    expect(installed()).not.toContain('node_modules/native-linux-x64');
    expect(await install()).toBe('installed');
    expect(installed().sort()).toEqual(complete);
    expect(await install()).toBe('was ready');
  });

  test('if a package, or the link to a workspace, is missing or is a copy that would go stale', async () => {
    await install();
    rmSync(join(modules(), 'part'));
    expect(await install()).toBe('installed');
    rmSync(join(modules(), 'part'));
    cpSync(join(root, 'part'), join(modules(), 'part'), { recursive: true });
    rmSync(join(modules(), 'tool'), { recursive: true });
    expect(await install()).toBe('installed');
    expect(installed().sort()).toEqual(complete);
  });
});

describe('a failure names what npm said and what fits it:', () => {
  const failure = async (told: Parameters<typeof install>[0] = {}) => {
    const answer = await install(told);
    expect(answer).not.toMatch(/HAET_CACHE|disagree/);
    return answer;
  };

  test('a registry that answers 404', async () => {
    registry.answer(404);
    expect(await failure()).toMatch(
      /^The registry does not have a package of package-lock\.json \(E404 404 Not Found - GET http:.*127\.0\.0\.1.*\): if/,
    );
  });

  test('a registry that cannot be reached', async () => {
    expect(await failure({ settings: ['registry=http://127.0.0.1:1/'] })).toMatch(
      /could not reach http:\/\/127\.0\.0\.1:1\/ \(.*ECONNREFUSED.*\): check the network/,
    );
  });

  test('a proxy that cannot be reached', async () => {
    const settings = ['proxy=http://127.0.0.1:1/', 'registry=http://registry.invalid/'];
    expect(await failure({ settings, env: { no_proxy: '', NO_PROXY: '' } })).toMatch(
      /proxy http:\/\/127\.0\.0\.1:1\//,
    );
  });

  test('offline', async () => {
    expect(await failure({ settings: ['offline=true'] })).toMatch(/offline.*npm_config_offline=false/);
  });

  test('archives with another checksum', async () => {
    registry.damage(true);
    expect(await failure()).toMatch(/EINTEGRITY.*npm cache verify/);
  });

  test('engine-strict and a package that needs another Node', async () => {
    await writeProject({ base: '1.0.0', native: '1.0.0', new: '1.0.0' });
    const answer = await failure({ settings: ['engine-strict=true'] });
    await writeProject({ base: '1.0.0', native: '1.0.0' });
    expect(answer).toMatch(/engine-strict.*new@1\.0\.0 needs node >=99.*npm_config_engine_strict=false/);
  });

  test('an npm cache that cannot be written', async () => {
    const cache = join(folder, 'not-a-folder');
    writeFileSync(cache, '');
    expect(await failure({ env: { npm_config_cache: join(cache, 'below') } })).toMatch(
      /npm's cache .*not-a-folder.*npm_config_cache/,
    );
  });

  const withNpm = (script: string) => {
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'npm'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, 'npm'), 0o755);
    return { env: { PATH: `${bin}:${process.env['PATH']}` } };
  };

  test('a broken lock file', async () => {
    const file = join(root, 'package-lock.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, '<<<<<<< HEAD\n');
    const answer = await failure();
    writeFileSync(file, text);
    expect(answer).toBe(
      `${file} is missing or broken: restore it with \`git checkout package-lock.json\` and run the command again.`,
    );
  });

  test('npm 6', async () => {
    expect(await failure(withNpm('echo \'{"npm-version":"6.14.18"}\''))).toMatch(
      /npm 6\.14\.18 is too old: .*npm 7/,
    );
  });

  test('an npm that installs nothing and reports success', async () => {
    expect(await failure(withNpm('echo \'{"npm-version":"11.0.0"}\''))).toMatch(
      /6 packages are missing \(node_modules\/base.*\)/,
    );
  });

  test('a disk that fills up while npm reports success, and then is reported ready only after another install', async () => {
    const { stdout: npm } = await execa('which', ['npm']);
    const warns = 'echo "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write" >&2';
    expect(await failure(withNpm(`${npm} "$@"; [ "$1" = ci ] && ${warns}; exit 0`))).toMatch(
      /The disk that holds .*clone is full \(TAR_ENTRY_ERROR ENOSPC: no space left on device, write\)/,
    );
    expect(await install()).toBe('installed');
  });

  test('an npm that was killed', async () => {
    const killed = withNpm('[ "$1" = ci ] && kill -9 $$; echo \'{"npm-version":"11.0.0"}\'');
    expect(await failure(killed)).toMatch(/npm was killed.*memory/);
  });
});
