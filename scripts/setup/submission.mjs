import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root, runtimeFolder } from './paths.mjs';

/** The files of the package that a runtime needs, by their place in it. */
function listFiles() {
  const submission = join(root, 'dist/submission');
  const compiled = readdirSync(submission, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return [
    ...['package.json', 'package-lock.json'].map((name) => [join(root, 'dist/runtime', name), name]),
    ...compiled.map((file) => [file, join('submission', relative(submission, file))]),
  ];
}

/**
 * Returns whether the runtime has the compiled reference submission, which finds its packages only beside it, and their
 * list.
 */
export function submissionIsReady() {
  return listFiles().every(([source, name]) => {
    const copy = join(runtimeFolder(), name);
    return existsSync(copy) && readFileSync(copy).equals(readFileSync(source));
  });
}

/** Copies them, each atomically. */
export function copySubmission() {
  for (const [source, name] of listFiles()) {
    const copy = join(runtimeFolder(), name);
    const partial = `${copy}.partial`;
    mkdirSync(dirname(copy), { recursive: true });
    rmSync(partial, { force: true });
    cpSync(source, partial);
    renameSync(partial, copy);
  }
}
