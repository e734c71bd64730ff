import { delimiter, dirname, isAbsolute } from 'node:path';
import { run } from './run.mjs';

/**
 * Values for settings of npm that would make `npm ci` install something else than the lock file says, elsewhere, or
 * nothing, or that would change the output that is read here. The user's settings for registry, network, certificates,
 * cache and engines stay.
 */
const overrides = {
  dry_run: 'false',
  package_lock: 'true',
  package_lock_only: 'false',
  shrinkwrap: 'true',
  global: 'false',
  location: 'project',
  workspaces: 'null',
  include_workspace_root: 'false',
  install_strategy: 'hoisted',
  global_style: 'false',
  legacy_bundling: 'false',
  install_links: 'false',
  prefer_dedupe: 'false',
  bin_links: 'true',
  legacy_peer_deps: 'false',
  strict_peer_deps: 'false',
  force: 'false',
  // Versions and checksums are those of the lock file, so their age is no choice that is left to npm.
  before: 'null',
  min_release_age: '0',
  allow_directory: 'all',
  allow_file: 'all',
  allow_git: 'all',
  allow_remote: 'all',
  strict_allow_scripts: 'false',
  heading: 'npm',
  color: 'false',
  json: 'false',
  usage: 'false',
  progress: 'false',
  timing: 'false',
  update_notifier: 'false',
};

/** Settings that have no neutral value; those of the command line win over the user's files. */
const removed = [
  'omit',
  'include',
  'only',
  'also',
  'production',
  'dev',
  'optional',
  'workspace',
  'prefix',
  'loglevel',
];

/**
 * Returns the words of the command that installs everything in the lock file of a folder.
 *
 * Install scripts are off, because tfjs-node's would download its own TensorFlow. `--prefix` keeps npm from installing
 * into a workspace root in a folder above.
 * @param {string} root
 */
export const installWords = (root) => [
  ...['ci', '--prefix', root, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=warn'],
  ...['--include=dev', '--include=optional', '--include=peer'],
];

/**
 * Returns the environment for npm: the user's with the overrides, and with Node in PATH.
 * @param {NodeJS.ProcessEnv} env
 * @param {{ system: string, cpu: string, glibc: string | null }} platform
 * @param {Record<string, string>} [more]  further settings, which the user's environment overrides
 */
export function npmEnvironment(env, platform, more = {}) {
  const fixed = {
    ...overrides,
    os: platform.system,
    cpu: platform.cpu,
    libc: platform.glibc === null ? 'musl' : 'glibc',
  };
  const names = new Set([...Object.keys(fixed), ...removed]);
  // npm ignores the case of these variables, and takes a dash for an underscore.
  const kept = Object.entries(env).filter(([key]) => {
    const name = /^npm_config_(.+)$/i.exec(key)?.[1];
    return name === undefined || !names.has(name.toLowerCase().replaceAll('-', '_'));
  });
  const settings = Object.entries(fixed).map(([name, value]) => [`npm_config_${name}`, value]);
  return {
    ...more,
    ...Object.fromEntries([...kept, ...settings]),
    PATH: `${env.PATH ?? ''}${delimiter}${dirname(process.execPath)}`,
  };
}

/**
 * What a message about npm names.
 * @typedef {object} NpmFacts
 * @property {string} version
 * @property {string} registry  without user name and password
 * @property {string} cache
 * @property {string | null} proxy  likewise
 */

/**
 * Returns the setting that names npm's global file of settings, as it is without `--prefix`: with it, npm looks below the
 * given folder, and would miss the mirror, the proxy and the certificates that an administrator set.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {number[]} locks
 * @returns {Promise<Record<string, string>>} empty if npm failed
 */
export async function globalSettings(root, env, locks) {
  const { status, output } = await run('npm', ['config', 'get', 'globalconfig'], { cwd: root, env, locks });
  // Warnings can stand before and after it.
  const file = output.split('\n').find((line) => isAbsolute(line));
  return status === 0 && file !== undefined ? { npm_config_globalconfig: file } : {};
}

/**
 * Asks npm for its version and the user's settings.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {number[]} locks
 * @returns {Promise<{ facts: NpmFacts | null, waits: Record<string, string>, result: Awaited<ReturnType<typeof run>> }>}
 *   `facts` is null if npm failed; `waits`: shorter waits for a registry that does not answer, unless the user chose some
 */
export async function readNpm(root, env, locks) {
  const result = await run('npm', ['config', 'list', '--json', '--prefix', root], { cwd: root, env, locks });
  const start = result.output.indexOf('{');
  const end = result.output.lastIndexOf('}');
  try {
    const settings = JSON.parse(result.output.slice(start, end + 1));
    const proxies = [settings['https-proxy'], settings.proxy];
    if (/^http:/i.test(settings.registry)) proxies.reverse();
    return {
      facts: {
        version: settings['npm-version'] ?? '',
        registry: withoutPassword(settings.registry ?? ''),
        cache: settings.cache ?? '',
        proxy: withoutPassword(proxies.find((value) => typeof value === 'string') ?? '') || null,
      },
      waits: hasDefaultWaits(settings) ? shortWaits : {},
      result,
    };
  } catch {
    return { facts: null, waits: {}, result };
  }
}

/** npm's own let a registry that cannot be reached go unnoticed for more than a minute. */
const shortWaits = {
  npm_config_fetch_retry_mintimeout: '1000',
  npm_config_fetch_retry_maxtimeout: '5000',
};

function hasDefaultWaits(settings) {
  return settings['fetch-retry-mintimeout'] === 10_000 && settings['fetch-retry-maxtimeout'] === 60_000;
}

function withoutPassword(url) {
  try {
    const parsed = new URL(url);
    parsed.username = '';
    parsed.password = '';
    return parsed.href;
  } catch {
    return url;
  }
}
