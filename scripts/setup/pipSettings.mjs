/**
 * The settings of pip that say where downloads come from and how to get there. All others are the user's wishes for his
 * own packages, and many prevent a download: require-virtualenv, require-hashes, constraint, no-binary, dry-run, ...
 */
const kept = new Set([
  ...['index-url', 'extra-index-url', 'no-index', 'find-links', 'trusted-host'],
  ...['proxy', 'cert', 'client-cert', 'timeout', 'resume-retries', 'keyring-provider'],
]);
const aliases = { 'pypi-url': 'index-url', 'default-timeout': 'timeout' };
/** Settings that are kept only if their value concerns certificates. */
const keptValues = { 'use-feature': /^truststore$/, 'use-deprecated': /^legacy-certs$/ };

/** Where `pip config list` found a setting, the strongest last. Mirrors are often named for `pip install` only. */
const sections = ['install', 'global', 'download'];

const canonical = (name) => {
  const plain = name.toLowerCase().replaceAll('_', '-').replace(/^-+/, '');
  return aliases[plain] ?? plain;
};

/**
 * Returns the environment for a pip that downloads for us: the user's, with only those settings that name mirrors,
 * proxies, certificates and patience.
 * @param {NodeJS.ProcessEnv} env
 * @param {[string, string][]} settings  of `pip config list`, by `section.name`
 * @returns {NodeJS.ProcessEnv}
 */
export function pipEnvironment(env, settings) {
  const chosen = {};
  const choose = (name, value) => {
    const key = canonical(name);
    // Several values are on lines in a file, and between blanks in a variable.
    const wanted = keptValues[key]
      ? value.split(/\s+/).filter((word) => keptValues[key].test(word))
      : value.split(/[\r\n]+/).filter((line) => kept.has(key) && line.trim() !== '');
    if (wanted.length > 0) chosen[`PIP_${key.toUpperCase().replaceAll('-', '_')}`] = wanted.join(' ');
  };
  for (const section of sections) {
    for (const [name, value] of settings) {
      if (name.startsWith(`${section}.`)) choose(name.slice(section.length + 1), value);
    }
  }
  const rest = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('PIP_')) rest[name] = value;
    else choose(name.slice('PIP_'.length), value ?? '');
  }
  // The null device makes pip read no file of settings.
  return { ...rest, ...chosen, PIP_CONFIG_FILE: '/dev/null' };
}
