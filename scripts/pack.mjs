// Makes the archive that `npm install -g` installs: haet-VERSION.tgz in the current folder, or in the one that is given.
//   npm run pack [-- FOLDER]
// It holds the files that package.json names, what set-up needs to know about the packages of the submission
// (dist/runtime), the commit, and the versions of its own packages (npm-shrinkwrap.json: `npm ci` in the unpacked
// archive installs exactly these).
//
// `npm pack` alone cannot make it: `ignore-scripts` in .npmrc, which keeps `npm install` from fetching another
// TensorFlow, also turns off the script that would compile before it packs. .npmrc therefore makes it fail.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { partOfLock } from './partOfLock.mjs';
import { root } from './setup/paths.mjs';

const [folder = '.'] = process.argv.slice(2);
run(process.execPath, [join(root, 'scripts/setup.mjs'), '--compiled'], 'inherit');
const staging = mkdtempSync(join(tmpdir(), 'haet-pack-'));
try {
  copyFiles();
  writeManifest();
  writeRuntime();
  await writeCommit();
  run(
    'npm',
    ['pack', staging, '--ignore-scripts', '--silent', '--pack-destination', resolve(folder)],
    'inherit',
  );
} finally {
  rmSync(staging, { recursive: true });
}

/** Runs a command and returns what it prints. @throws if it fails */
function run(program, words, stdout = 'pipe') {
  const { status, error, ...rest } = spawnSync(program, words, {
    cwd: root,
    stdio: ['ignore', stdout, 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: exit status ${status}`);
  return rest.stdout;
}

/** Copies what npm finds by `files` of package.json. */
function copyFiles() {
  const [{ files }] = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent']));
  for (const { path } of files) {
    mkdirSync(dirname(join(staging, path)), { recursive: true });
    copyFileSync(join(root, path), join(staging, path));
  }
}

/** Writes package.json without what only a clone can use, and the versions of its packages. */
function writeManifest() {
  const { scripts, workspaces, devDependencies, ...manifest } = readJson('package.json');
  const files = [...manifest.files, 'npm-shrinkwrap.json'];
  writeJson('package.json', { ...manifest, files });
  writeJson('npm-shrinkwrap.json', partOfLock(readJson('package-lock.json'), ''));
}

/** Writes the packages of the submission, and a name for the folder that set-up makes for this content. */
function writeRuntime() {
  const lock = partOfLock(readJson('package-lock.json'), 'submission');
  const { name, version, dependencies } = lock.packages[''];
  mkdirSync(join(staging, 'dist/runtime'));
  writeJson('dist/runtime/package.json', { name, version, private: true, type: 'module', dependencies });
  writeJson('dist/runtime/package-lock.json', lock);
  const hash = createHash('sha256');
  for (const file of ['dist/runtime', 'dist/submission', 'submission'].flatMap(listFiles)) {
    hash.update(`${file}\0`).update(readFileSync(join(staging, file)));
  }
  writeFileSync(join(staging, 'dist/runtime/key'), `${version}-${hash.digest('hex').slice(0, 8)}\n`);
}

/** Writes the commit that the archive is made of, which the records of its runs name. */
async function writeCommit() {
  const { evaluatorCommit } = await import('../dist/evaluator/machine/commit.js');
  const commit = await evaluatorCommit();
  if (commit !== null) writeFileSync(join(staging, 'dist/commit'), `${commit}\n`);
}

function readJson(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(join(staging, file), `${JSON.stringify(value, null, 2)}\n`);
}

function listFiles(folder) {
  return readdirSync(join(staging, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(staging, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
