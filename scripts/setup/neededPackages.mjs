/**
 * An entry of a lock file: a package, a link to a workspace, or the workspace itself.
 * @typedef {object} LockEntry
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {string} [resolved]  of a link: the workspace's folder
 * @property {boolean} [link]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [optionalDependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, { optional?: boolean }>} [peerDependenciesMeta]
 */

/**
 * Returns the paths of the packages that npm installs on a platform: all that the project and its workspaces reach.
 * Like npm, it leaves out an optional package that is for another platform or requires one that is.
 * @param {Record<string, LockEntry>} packages  of a lock file
 * @param {{ system: string, cpu: string, glibc: string | null }} platform
 */
export function neededPackages(packages, platform) {
  const needed = new Set();
  const installable = new Map();

  const isInstallable = (path) => {
    if (installable.has(path)) return installable.get(path);
    // Packages can require each other.
    installable.set(path, true);
    const entry = packages[path];
    const fits =
      isFor(entry, platform) &&
      required(entry).every((name) => {
        const found = resolve(packages, path, name);
        return found === null || isInstallable(found);
      });
    installable.set(path, fits);
    return fits;
  };

  const add = (path) => {
    if (needed.has(path)) return;
    needed.add(path);
    const entry = packages[path];
    if (entry.link) add(entry.resolved);
    const optional = Object.keys(entry.optionalDependencies ?? {});
    for (const name of [...required(entry), ...optional]) {
      const found = resolve(packages, path, name);
      if (found !== null && (!optional.includes(name) || isInstallable(found))) add(found);
    }
  };

  add('');
  for (const [path, { link }] of Object.entries(packages)) if (link) add(path);
  return needed;
}

/** Returns the names of the packages without which an entry is not installed. */
function required({
  dependencies,
  devDependencies,
  peerDependencies,
  peerDependenciesMeta,
  optionalDependencies,
}) {
  return Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies }).filter(
    (name) => optionalDependencies?.[name] === undefined && !peerDependenciesMeta?.[name]?.optional,
  );
}

function isFor({ os, cpu, libc }, platform) {
  return (
    allows(os, platform.system) &&
    allows(cpu, platform.cpu) &&
    allows(libc, platform.glibc === null ? 'musl' : 'glibc')
  );
}

/** Applies a list such as ["linux", "darwin"] or ["!win32"]. */
function allows(list, value) {
  if (list === undefined || list.includes('any')) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every((item) => item.startsWith('!'));
}

/** Returns the path of the package that Node finds from a path: next to it, then in every folder above. */
function resolve(packages, path, name) {
  const folders = path.split('/').filter((part) => part !== '');
  for (let depth = folders.length; depth >= 0; depth -= 1) {
    const found = [...folders.slice(0, depth), 'node_modules', name].join('/');
    if (packages[found]) return found;
  }
  return null;
}
