// Lists the files of the project, relative to its folder: what git tracks or would track. Without git, as in a ZIP of the
// sources, all but what set-up and runs make.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../', import.meta.url));
const made = new Set(['.git', 'node_modules', 'dist', 'runs', 'coverage', 'out']);

/** @returns {string[]} */
export function sourceFiles() {
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const { status, stdout } = spawnSync('git', words, { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const listed = status === 0 ? stdout.split('\0').filter((file) => file !== '') : [];
  // A folder inside another repository that ignores it has no file that git knows.
  return listed.length > 0 ? listed.filter((file) => existsSync(join(project, file))) : walk('');
}

function walk(folder) {
  return readdirSync(join(project, folder), { withFileTypes: true }).flatMap((each) => {
    const path = join(folder, each.name);
    if (made.has(each.name)) return [];
    if (each.isDirectory()) return walk(path);
    return each.isFile() ? [path] : [];
  });
}
