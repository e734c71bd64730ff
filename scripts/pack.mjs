// Makes the archive that `npm install -g` installs: haet-VERSION.tgz in the current folder, or in the one that is given.
//   npm run pack [-- FOLDER]
// `npm pack` alone cannot: `ignore-scripts` in .npmrc, which keeps `npm install` from fetching another TensorFlow, also
// turns off the script that would compile before it packs. .npmrc therefore makes it fail.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { runtimeLock } from './runtimeLock.mjs';
import { root } from './setup/paths.mjs';

const [folder = '.'] = process.argv.slice(2);
run(process.execPath, [join(root, 'scripts/setup.mjs'), '--compiled']);
writeRuntime(join(root, 'dist/runtime'));
const commitFile = join(root, 'dist/commit');
await writeCommit();
try {
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', resolve(folder)]);
} finally {
  // The clone asks git.
  rmSync(commitFile, { force: true });
}

/** Runs a command and shows its output. @throws if it fails */
function run(program, words) {
  const { status, error } = spawnSync(program, words, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: exit status ${status}`);
}

/** Writes what set-up needs besides sources: the packages of the runtime, and a name for its folder. */
function writeRuntime(to) {
  const { manifest, lock } = runtimeLock(
    JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')),
    'submission',
  );
  const text = (value) => `${JSON.stringify(value, null, 2)}\n`;
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  writeFileSync(join(to, 'package.json'), text(manifest));
  writeFileSync(join(to, 'package-lock.json'), text(lock));
  const hash = createHash('sha256');
  for (const file of ['dist/runtime', 'dist/submission', 'submission/engine'].flatMap(listFiles)) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  writeFileSync(join(to, 'key'), `${manifest.version}-${hash.digest('hex').slice(0, 8)}\n`);
}

function listFiles(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Writes the commit that the archive is made of, which the records of its runs name. */
async function writeCommit() {
  const { evaluatorCommit } = await import('../dist/evaluator/machine/commit.js');
  const commit = await evaluatorCommit();
  if (commit !== null) writeFileSync(commitFile, `${commit}\n`);
}
