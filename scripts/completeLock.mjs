// Adds the optional packages of other platforms to package-lock.json that `npm install` omitted because it could not
// fetch them. Without them `npm ci` rejects the lock file. Run it after every change of dependencies.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Parts of a platform package's name, such as core-linux-arm-gnueabihf, and their fields in a lock file. */
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/**
 * Adds the missing entries in place, each pinned to the version that its parent requires.
 * @param {{ packages: Record<string, any> }} lock
 * @returns {string[]} the names added
 */
export function completeLock(lock) {
  const added = [];
  for (const [path, { optionalDependencies, dev }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      if (isListed(lock.packages, path, name)) continue;
      if (!/^\d+\.\d+\.\d+/.test(version))
        throw new Error(`${path} requires ${name} ${version}: must be a single version`);
      const words = name.split(/[/-]/);
      const entry = {
        version,
        cpu: processors.filter((processor) => words.includes(processor)),
        ...(dev && { dev }),
        ...(words.includes('musl') && { libc: ['musl'] }),
        optional: true,
        os: systems.filter((system) => words.includes(system)),
      };
      if (entry.cpu.length !== 1 || entry.os.length !== 1) throw new Error(`${name}: unknown platform`);
      lock.packages[`node_modules/${name}`] = entry;
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
  );
  return added;
}

/** Resolves a package like Node: next to its parent, then in every folder above. */
function isListed(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true;
    if (folder === '') return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL('../package-lock.json', import.meta.url));
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = completeLock(lock);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stderr.write(`package-lock.json: ${added.length} optional packages added\n`);
}
