import { realpathSync } from 'node:fs';

/**
 * Options of the commands that npm scripts run. npm keeps options that have no `--` before them, and passes only their
 * names on, as environment variables. A test compares this with the options of `haet dry-run`.
 * @type {Record<string, string[]>}
 */
export const optionsOfScripts = {
  start: [
    ...['budget', 'cpus', 'entry', 'entry-arg', 'from', 'image', 'json', 'max-archive-bytes', 'max-files'],
    ...['max-unpacked-bytes', 'memory', 'out', 'predict-limit', 'runtime', 'sandbox', 'seed', 'seeds'],
    ...['test-per-class', 'track'],
  ],
  test: ['coverage', 'image'],
};

/**
 * Returns the sentence for options that npm kept, or null.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} packageFile  our package.json: scripts of another package have other options
 */
export function explainSwallowed(env, packageFile) {
  const script = env.npm_lifecycle_event ?? '';
  if (!isSame(env.npm_package_json, packageFile)) return null;
  const kept = (optionsOfScripts[script] ?? []).filter(
    (option) => env[`npm_config_${option.replaceAll('-', '_')}`] !== undefined,
  );
  if (kept.length === 0) return null;
  const options = kept.map((option) => `--${option}`);
  return `npm kept ${options.join(', ')} for itself, and nothing was started: put \`--\` before the options, as in \`npm ${script} -- ${options[0]} ...\`.`;
}

function isSame(one, other) {
  try {
    return realpathSync(one ?? '') === realpathSync(other);
  } catch {
    return false;
  }
}
