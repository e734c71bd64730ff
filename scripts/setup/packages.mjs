import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { explainSystemError, SetupFailure } from './failure.mjs';
import { runtimeFolder } from './paths.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';

/**
 * Returns whether node_modules matches package-lock.json: in a clone all of its packages, else those of the runtime. npm
 * writes node_modules/.package-lock.json at the end of an install, so an incomplete one has none; each package's folder
 * is also checked, because people delete folders.
 */
export function packagesAreReady() {
  const root = runtimeFolder();
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'));
  if (wanted === null) {
    throw new SetupFailure(
      `${join(root, 'package-lock.json')} is missing or broken: restore it with \`git checkout package-lock.json\`.`,
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
 * Installs exactly the packages of package-lock.json. Install scripts are off, because tfjs-node's would download its
 * own TensorFlow.
 * @param {number[]} locks  descriptors that npm keeps open while it runs
 */
export async function installPackages(locks) {
  const root = runtimeFolder();
  say('npm packages: installing ...');
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}${delimiter}${dirname(process.execPath)}` };
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, output, missing } = await run('npm', words, { cwd: root, env, locks });
  if (missing) {
    throw new SetupFailure(
      'npm was not found: install it (it comes with Node from nodejs.org) and run the command again.',
    );
  }
  const disagree =
    'package.json and package-lock.json disagree: run `npm install --ignore-scripts` and `node scripts/completeLock.mjs` to fix the lock file, then run the command again.';
  if (status === 0) {
    if (packagesAreReady()) return;
    throw new SetupFailure(disagree);
  }
  const explained = explainSystemError(output, root);
  if (explained) throw new SetupFailure(explained);
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network/.test(output)) {
    throw new SetupFailure(
      'npm could not reach its registry: check the network (or `npm config get registry`) and run the command again.',
    );
  }
  if (/in sync/.test(output)) throw new SetupFailure(disagree);
  const reason =
    output.split('\n').find((line) => /^npm (error|ERR!) (?!code)/.test(line)) ?? `exit status ${status}`;
  throw new SetupFailure(
    `npm ci failed (${reason.replace(/^npm (error|ERR!) /, '')}): run \`npm ci --ignore-scripts\` to see all of it.`,
  );
}
