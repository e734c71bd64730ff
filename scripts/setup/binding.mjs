import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { explainSystemError, SetupFailure } from './failure.mjs';
import { root } from './paths.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';

const packageFolder = join(root, 'node_modules/@tensorflow/tfjs-node-gpu');
const sourceFolder = join(packageFolder, 'binding');
const outputFolder = join(packageFolder, 'lib/napi-v8');
const binding = join(outputFolder, 'tfjs_binding.node');
const stamp = join(outputFolder, 'tfjs_binding.json');
const compiler = process.env.CXX || 'c++';

/**
 * The compiler's words that link tfjs-node's C++ files to a libtensorflow.
 *
 * On a GPU machine TensorFlow opens the CUDA libraries by name when it starts. They lie where no system path leads, so the
 * binding asks for them itself: the loader finds them through its run path, and TensorFlow then gets the loaded ones.
 * @param {string} library  the folder that holds tensorflow/ and, for a GPU, nvidia/
 */
function compilerWords(library) {
  const tensorflow = join(library, 'tensorflow');
  const words = ['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8'];
  words.push('-I', join(root, 'node_modules/node-api-headers/include'), '-I', join(tensorflow, 'include'));
  words.push('-I', packageFolder, '-I', sourceFolder);
  words.push(...sources().filter((file) => file.endsWith('.cc')));
  words.push('-L', tensorflow, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2');
  words.push(`-Wl,-rpath,${tensorflow}`);
  const nvidia = join(library, 'nvidia');
  if (!existsSync(nvidia)) return words;
  words.push('-Wl,--no-as-needed', '-Wl,--disable-new-dtags');
  for (const part of readdirSync(nvidia).sort()) {
    const folder = join(nvidia, part, 'lib');
    const names = readdirSync(folder).filter((name) =>
      /^lib(cud|cublas|cufft|curand|cusolver|cusparse|nccl|cupti)\w*\.so\.\d+$/.test(name),
    );
    words.push('-L', folder, `-Wl,-rpath,${folder}`, ...names.sort().map((name) => `-l:${name}`));
  }
  return words;
}

function sources() {
  return readdirSync(sourceFolder)
    .sort()
    .map((name) => join(sourceFolder, name));
}

/** Changes whenever the library, the compiler, its words or a source does. */
function fingerprint(library) {
  const hash = createHash('sha256').update(JSON.stringify([compiler, compilerWords(library)]));
  hash.update(readFileSync(join(library, 'sizes.json')));
  for (const file of sources()) hash.update(basename(file)).update(readFileSync(file));
  return hash.digest('hex');
}

/** @param {string} library */
export function bindingIsReady(library) {
  try {
    return (
      existsSync(binding) && JSON.parse(readFileSync(stamp, 'utf8')).fingerprint === fingerprint(library)
    );
  } catch {
    return false;
  }
}

/**
 * Compiles the binding, sees that it loads, and puts it in place in one step.
 * @param {string} library
 * @param {number[]} locks
 */
export async function buildBinding(library, locks) {
  say('TensorFlow.js binding: compiling ...');
  mkdirSync(outputFolder, { recursive: true });
  const fresh = `${binding}.partial`;
  const compiled = await run(compiler, [...compilerWords(library), '-o', fresh], { locks });
  if (compiled.missing) {
    throw new SetupFailure(
      `The C++ compiler ${compiler} was not found: install one (on Debian or Ubuntu: sudo apt install g++) or name yours in CXX, and run this again.`,
    );
  }
  if (compiled.status !== 0) {
    const line = compiled.output
      .split('\n')
      .find((text) => /error|undefined reference|cannot find/.test(text));
    throw new SetupFailure(
      explainSystemError(compiled.output, outputFolder) ??
        `${compiler} could not compile the TensorFlow.js binding (${(line ?? `exit status ${compiled.status}`).trim()}): it needs C++17, so use g++ 9 or clang 10, or newer, and run this again.`,
    );
  }
  const tried = await run(
    process.execPath,
    ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', fresh],
    { locks },
  );
  if (tried.status !== 0) {
    rmSync(fresh, { force: true });
    const line =
      tried.output.split('\n').find((text) => text.startsWith('Error:')) ??
      `signal or status ${tried.status}`;
    throw new SetupFailure(
      `The TensorFlow.js binding was compiled but does not load (${line.replace(/^Error: /, '')}): use a newer Linux distribution, or report this line.`,
    );
  }
  rmSync(stamp, { force: true });
  renameSync(fresh, binding);
  writeFileSync(stamp, JSON.stringify({ fingerprint: fingerprint(library), library }));
}
