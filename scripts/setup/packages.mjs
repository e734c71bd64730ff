import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { neededPackages } from './neededPackages.mjs';
import { explainNpm, explainNpmWarning } from './npmFailure.mjs';
import { globalSettings, installWords, npmEnvironment, readNpm } from './npmSettings.mjs';
import { runtimeFolder } from './paths.mjs';
import { thisPlatform } from './platform.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';

/** The oldest npm that reads the lock file and knows workspaces. */
const oldestNpm = 7;

/** In a clone the clone itself, with the packages of both workspaces. */
const root = runtimeFolder();

/** npm writes this file at the end of an install, so an incomplete one has none. */
const installedList = 'node_modules/.package-lock.json';

/** Returns whether node_modules has all packages of package-lock.json that this platform needs. */
export function packagesAreReady() {
  return missingPackages()?.length === 0;
}

/**
 * Returns the paths of the packages that are missing or have another version; null without a list of those wanted. Each
 * package's folder is also checked, because people delete folders.
 */
function missingPackages() {
  const wanted = readPackages(lockFile());
  if (wanted === null) return null;
  const installed = readPackages(join(root, installedList)) ?? {};
  // Paths without node_modules are the workspaces themselves.
  const paths = [...neededPackages(wanted, thisPlatform())].filter((path) => path.includes('node_modules/'));
  return paths.filter((path) => {
    const { version, integrity, link, resolved } = wanted[path];
    const found = installed[path];
    if (!found || found.version !== version || !existsSync(join(root, path, 'package.json'))) return true;
    if (link) return realpathSync(join(root, path)) !== realpathSync(join(root, resolved));
    return integrity !== undefined && found.integrity !== integrity;
  });
}

const lockFile = () => join(root, 'package-lock.json');

/** @returns {Record<string, import('./neededPackages.mjs').LockEntry> | null} */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}

/**
 * Installs exactly the packages of package-lock.json.
 * @param {number[]} locks  descriptors that npm keeps open while it runs
 */
export async function installPackages(locks) {
  if (missingPackages() === null) {
    throw new SetupFailure(
      `${lockFile()} is missing or broken: restore it with \`git checkout package-lock.json\` and run the command again.`,
    );
  }
  say('npm packages: installing ...');
  const platform = thisPlatform();
  const global = await globalSettings(root, npmEnvironment(process.env, platform), locks);
  const npm = await readNpm(root, npmEnvironment(process.env, platform, global), locks);
  if (npm.result.missing) {
    throw new SetupFailure(
      'npm was not found: install it (it comes with Node from nodejs.org) and run the command again.',
    );
  }
  const facts = npm.facts ?? { version: '', registry: 'its registry', cache: '', proxy: null };
  if (Number.parseInt(facts.version, 10) < oldestNpm) {
    throw new SetupFailure(
      `npm ${facts.version} is too old: install npm ${oldestNpm} or newer (Node comes with npm 10 or newer; nodejs.org) and run the command again.`,
    );
  }
  const env = npmEnvironment(process.env, platform, { ...global, ...npm.waits });
  const result = await run('npm', installWords(root), { cwd: root, env, locks });
  if (result.status !== 0) throw new SetupFailure(explainNpm(result, facts, root));
  // npm reports success although it could not write files of a package, for example on a full disk.
  const warning = explainNpmWarning(result, facts, root);
  if (warning !== null) {
    rmSync(join(root, installedList), { force: true });
    throw new SetupFailure(warning);
  }
  const missing = missingPackages();
  if (missing.length === 0) return;
  throw new SetupFailure(
    `npm reported success, but ${missing.length} packages are missing (${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', ...' : ''}): delete node_modules and run the command again; if they are still missing, report this with the output of \`npm config list\`.`,
  );
}
