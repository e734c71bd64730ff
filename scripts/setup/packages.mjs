import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { explainSystemError, SetupFailure } from './failure.mjs';
import { root } from './paths.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';

/**
 * Whether node_modules holds what package-lock.json asks for. npm writes node_modules/.package-lock.json as the last act
 * of an install, so a half-finished one has none; each package's folder is looked for besides, as people delete things.
 */
export function packagesAreReady() {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'));
  if (wanted === null) {
    throw new SetupFailure(
      `${join(root, 'package-lock.json')} is missing or broken: get it back with \`git checkout package-lock.json\`.`,
    );
  }
  if (installed === null) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    if (!found) return optional === true;
    return (
      found.version === version &&
      found.integrity === integrity &&
      existsSync(join(root, path, 'package.json'))
    );
  });
}

/** @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }> | null} */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}

/**
 * Installs exactly what package-lock.json lists. Scripts stay off: tfjs-node's would fetch a TensorFlow of its own.
 * @param {number[]} locks  descriptors that npm keeps open while it lives
 */
export async function installPackages(locks) {
  say('npm packages: installing ...');
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}${delimiter}${dirname(process.execPath)}` };
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, output, missing } = await run('npm', words, { cwd: root, env, locks });
  if (missing) {
    throw new SetupFailure(
      'npm was not found: install it (it comes with Node from nodejs.org) and run this again.',
    );
  }
  const disagree =
    'package.json and package-lock.json disagree: run `npm install --ignore-scripts` and `node scripts/completeLock.mjs` to mend the lock file, then this again.';
  if (status === 0) {
    if (packagesAreReady()) return;
    throw new SetupFailure(disagree);
  }
  const explained = explainSystemError(output, root);
  if (explained) throw new SetupFailure(explained);
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network/.test(output)) {
    throw new SetupFailure(
      'npm could not reach its registry: check the network (or `npm config get registry`) and run this again.',
    );
  }
  if (/in sync/.test(output)) throw new SetupFailure(disagree);
  const reason =
    output.split('\n').find((line) => /^npm (error|ERR!) (?!code)/.test(line)) ?? `exit status ${status}`;
  throw new SetupFailure(
    `npm ci failed (${reason.replace(/^npm (error|ERR!) /, '')}): run \`npm ci --ignore-scripts\` to see all of it.`,
  );
}
