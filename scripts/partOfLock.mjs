// Lock files of parts of the clone, taken from that of the clone. `npm run pack` puts those of the evaluator and of the
// submission into the archive.

/**
 * Returns the lock file of a folder that holds what a package of the clone needs to run, and nothing else, in the
 * versions of the clone's lock file.
 * @param {{ packages: Record<string, any> }} lock  the clone's
 * @param {string} from  the package's folder: a workspace, as in package.json, or "" for the clone itself
 */
export function partOfLock(lock, from) {
  const { devDependencies, workspaces, ...own } = lock.packages[from];
  const packages = {};
  for (const [path, optional] of reached(lock.packages, from)) {
    const { dev, devOptional, peer, optional: _, ...rest } = lock.packages[path];
    const place = path.startsWith(`${from}/`) ? path.slice(from.length + 1) : path;
    if (packages[place]) {
      throw new Error(`${place} is needed in two versions, one of them in ${path}: align them`);
    }
    packages[place] = { ...rest, ...(optional && { optional: true }) };
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  const { name, version } = own;
  const all = { '': own, ...Object.fromEntries(sorted) };
  return { name, version, lockfileVersion: 3, requires: true, packages: all };
}

/**
 * Returns the paths of the packages that a package depends on, directly or not, each with whether it is needed only by
 * optional dependencies.
 * @returns {Map<string, boolean>}
 */
function reached(packages, from) {
  /** @type {Map<string, boolean>} */
  const found = new Map();
  const visit = (path, underOptional) => {
    const entry = packages[path];
    const optionals = Object.keys(entry.optionalDependencies ?? {});
    const peers = Object.keys(entry.peerDependencies ?? {}).filter(
      (name) => !entry.peerDependenciesMeta?.[name]?.optional,
    );
    for (const name of new Set([...Object.keys(entry.dependencies ?? {}), ...optionals, ...peers])) {
      const at = resolveFrom(packages, path, name);
      const optional = underOptional || optionals.includes(name);
      if (at === null) {
        if (optional) continue;
        throw new Error(`package-lock.json has no ${name}, which ${path} needs`);
      }
      if (found.has(at) && (optional || found.get(at) === false)) continue;
      found.set(at, optional);
      visit(at, optional);
    }
  };
  visit(from, false);
  return found;
}

/** Returns where Node finds a package: next to its parent, then in every folder above; null if nowhere. */
function resolveFrom(packages, parent, name) {
  for (let folder = parent; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const at = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[at]) return at;
    if (folder === '') return null;
  }
}
