import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describeEnd, quoteLine, SetupFailure, tellingLine } from './failure.mjs';
import { root } from './paths.mjs';
import { say } from './report.mjs';
import { run } from './run.mjs';
import { explainSystemError } from './systemError.mjs';

const dist = join(root, 'dist');
const fresh = join(root, 'dist.partial');
const outgoing = join(root, 'dist.old');
const stamp = join(dist, 'fingerprint');
/** Files next to the TypeScript sources that the compiled tree needs. */
const copied = ['submission/haet.json', 'submission/package.json'];

/** Returns every TypeScript file that goes into dist, sorted, relative to the clone. */
function sources() {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'));
  return include
    .flatMap((folder) => {
      if (!existsSync(join(root, folder))) return [];
      return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
        .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
    })
    .sort();
}

/** Returns a key that changes whenever a source, the compiler or one of its settings does. */
function fingerprint() {
  const hash = createHash('sha256');
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
  for (const file of [...sources(), ...settings, ...copied]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`${file}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Returns whether dist/ is up to date. Contents are compared, not dates, because git does not preserve dates. */
export function buildIsReady() {
  if (!existsSync(stamp) || existsSync(outgoing)) return false;
  if (readFileSync(stamp, 'utf8') !== fingerprint()) return false;
  return sources().every(
    (file) => file.endsWith('.d.ts') || existsSync(join(dist, file.replace(/\.tsx?$/, '.js'))),
  );
}

/** Types of the evaluator are for those who import it. A submission is run, and every file of it counts as its code. */
function removeDeclarations() {
  for (const folder of ['bench', 'submission']) {
    if (!existsSync(join(fresh, folder))) continue;
    for (const file of readdirSync(join(fresh, folder), { recursive: true })) {
      if (file.endsWith('.d.ts')) rmSync(join(fresh, folder, file));
    }
  }
}

/**
 * Compiles into a new folder that then replaces dist/, so that outputs of deleted sources disappear.
 * @param {number[]} locks
 */
export async function build(locks) {
  say('TypeScript: compiling ...');
  const before = fingerprint();
  for (const folder of [fresh, outgoing]) rmSync(folder, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const words = [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh, '--noEmitOnError', '--pretty', 'false'];
  const result = await run(process.execPath, words, { cwd: root, locks });
  if (result.status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    throw new SetupFailure(explainBuild(result));
  }
  removeDeclarations();
  for (const file of copied) {
    if (!existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(fresh, file)), { recursive: true });
    // Not copyFileSync, which copies the mode too: a clone can be made with a strict umask.
    writeFileSync(join(fresh, file), readFileSync(join(root, file)));
  }
  mkdirSync(fresh, { recursive: true });
  writeFileSync(join(fresh, 'fingerprint'), before);
  if (existsSync(dist)) renameSync(dist, outgoing);
  renameSync(fresh, dist);
  rmSync(outgoing, { recursive: true, force: true });
}

/**
 * Returns the sentence for a TypeScript compiler that failed.
 * @param {{ status: number | null, signal?: string | null, output: string }} result
 */
export function explainBuild(result) {
  const wrong = result.output.split('\n').find((text) => /error TS\d+/.test(text));
  if (wrong) {
    return `The sources do not compile (${wrong.trim()}): fix them, or restore them with git, and run the command again.`;
  }
  const explained = explainSystemError(result.output, dist);
  if (explained) return explained;
  const line = tellingLine(result.output, /^\w*Error: /);
  const seen = [line && quoteLine(line), describeEnd(result)].filter(Boolean).join('; ');
  const remedy = result.signal === 'SIGKILL' ? 'free some memory' : 'delete node_modules';
  return `TypeScript's compiler failed (${seen}): ${remedy} and run the command again.`;
}
