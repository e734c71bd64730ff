import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { compilerWords, explainCompiler, explainNoOutput, inEnglish } from './compiler.mjs';
import { explainLoad } from './explainLoad.mjs';
import { SetupFailure } from './failure.mjs';
import { root, runtimeFolder } from './paths.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';

/**
 * A C++ addon for Node that is linked to a libtensorflow.
 * @typedef {object} Addon
 * @property {string} name  display name
 * @property {string} output  the file that Node loads
 * @property {string[]} sources  all of its files, including headers
 * @property {string[]} words  additional compiler flags
 * @property {string[]} [needs]  CPU flags it is compiled for, as in /proc/cpuinfo; none if omitted
 */

/**
 * Returns the linker flags that make an addon find libraries in a folder, before those of LD_LIBRARY_PATH. The compiler
 * would split `-Wl,-rpath,FOLDER` at commas of the folder.
 * @param {string} folder
 */
export const runPath = (folder) => ['-Wl,--disable-new-dtags', ...['-Xlinker', '-rpath', '-Xlinker', folder]];

/** Returns the flags of all addons. @param {string} library the folder that contains tensorflow/ */
export function sharedWords(library) {
  const tensorflow = join(library, 'tensorflow');
  return [
    ...['-shared', '-fPIC', '-std=c++17', '-DNAPI_VERSION=8'],
    ...[
      '-I',
      join(runtimeFolder(), 'node_modules/node-api-headers/include'),
      '-I',
      join(tensorflow, 'include'),
    ],
    ...['-L', tensorflow, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    ...runPath(tensorflow),
    // Newer systems refuse to load what asks for an executable stack.
    '-Wl,-z,noexecstack',
  ];
}

const stampOf = ({ output }) => output.replace(/\.node$/, '.json');
const compiled = ({ sources }) => sources.filter((file) => file.endsWith('.cc'));
// Libraries must follow the objects that need them.
const allWords = (addon, library) => [...compiled(addon), ...addon.words, ...sharedWords(library)];

/** Returns a key that changes whenever the library, the compiler, its flags or a source does. */
function fingerprint(addon, library) {
  const hash = createHash('sha256').update(
    JSON.stringify([compilerWords(), allWords(addon, library), addon.needs]),
  );
  hash.update(readFileSync(join(library, 'sizes.json')));
  for (const file of addon.sources) hash.update(relative(root, file)).update(readFileSync(file));
  return hash.digest('hex');
}

/** @param {Addon} addon @param {string} library */
export function addonIsReady(addon, library) {
  try {
    const made = JSON.parse(readFileSync(stampOf(addon), 'utf8')).fingerprint;
    return existsSync(addon.output) && made === fingerprint(addon, library);
  } catch {
    return false;
  }
}

/**
 * Compiles an addon, checks that it loads, and puts it in place atomically.
 * @param {Addon} addon
 * @param {string} library
 * @param {number[]} locks
 */
export async function buildAddon(addon, library, locks) {
  const { name, output, needs = [] } = addon;
  say(`${name}: compiling ...`);
  mkdirSync(dirname(output), { recursive: true });
  const fresh = `${output}.partial`;
  rmSync(fresh, { force: true });
  const [compiler, ...own] = compilerWords();
  const words = [...own, ...allWords(addon, library), '-o', fresh];
  const made = await run(compiler, words, { locks, env: inEnglish() });
  if (made.status !== 0) {
    throw new SetupFailure(explainCompiler(made, [compiler, ...own], name, dirname(output)));
  }
  if (!existsSync(fresh) || statSync(fresh).size === 0) {
    throw new SetupFailure(explainNoOutput([compiler, ...own], name));
  }
  if (cpuHas(needs)) await requireLoads(name, fresh, locks);
  rmSync(stampOf(addon), { force: true });
  renameSync(fresh, output);
  writeFileSync(stampOf(addon), JSON.stringify({ fingerprint: fingerprint(addon, library), library, needs }));
}

/** Returns whether the CPU has all these flags. @param {string[]} names as in /proc/cpuinfo */
export function cpuHas(names, path = '/proc/cpuinfo') {
  if (names.length === 0) return true;
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync(path, 'utf8'))?.[1]?.split(' ') ?? [];
    return names.every((name) => flags.includes(name));
  } catch {
    return false;
  }
}

async function requireLoads(name, file, locks) {
  const words = ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', file];
  const tried = await run(process.execPath, words, { locks, env: inEnglish() });
  if (tried.status === 0) return;
  rmSync(file, { force: true });
  throw new SetupFailure(explainLoad(tried, name));
}
