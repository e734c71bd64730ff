// Adds to package-lock.json the optional packages of other platforms that `npm install` left out (it drops those that it
// could not fetch), because `npm ci` then refuses the whole lock file. Run it after every change of dependencies.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Words of a platform package's name, such as core-linux-arm-gnueabihf, and what they say in a lock file. */
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/**
 * Adds the missing entries in place, each pinned to the version that its parent asks for.
 * @param {{ packages: Record<string, any> }} lock
 * @returns {string[]} the names added
 */
export function completeLock(lock) {
  const added = [];
  for (const [path, { optionalDependencies, dev }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      if (isListed(lock.packages, path, name)) continue;
      if (!/^\d+\.\d+\.\d+/.test(version))
        throw new Error(`${path} asks for ${name} ${version}: not one version`);
      const words = name.split(/[/-]/);
      const entry = {
        version,
        cpu: processors.filter((processor) => words.includes(processor)),
        ...(dev && { dev }),
        ...(words.includes('musl') && { libc: ['musl'] }),
        optional: true,
        os: systems.filter((system) => words.includes(system)),
      };
      if (entry.cpu.length !== 1 || entry.os.length !== 1)
        throw new Error(`${name}: cannot tell its platform`);
      lock.packages[`node_modules/${name}`] = entry;
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
  );
  return added;
}

/** Node's own rule: a package is looked for beside its parent, then in every folder above. */
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
