// The lock file of the submission's packages alone, taken from that of the clone. `npm run pack` puts it into the
// archive; set-up installs from it where there is no clone.

/**
 * Returns package.json and package-lock.json of a folder that holds what a workspace depends on and nothing else, in
 * the versions of the clone's lock file.
 * @param {{ packages: Record<string, any> }} lock  the clone's
 * @param {string} workspace  its folder, as in `workspaces` of package.json
 */
export function runtimeLock(lock, workspace) {
  const { name, version, dependencies } = lock.packages[workspace];
  const packages = {};
  for (const [path, optional] of reached(lock.packages, workspace)) {
    const { dev, devOptional, peer, optional: _, ...rest } = lock.packages[path];
    const place = path.startsWith(`${workspace}/`) ? path.slice(workspace.length + 1) : path;
    if (packages[place]) {
      throw new Error(`${place} is needed in two versions, of which one is in ${path}: align them`);
    }
    packages[place] = { ...rest, ...(optional && { optional: true }) };
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  const manifest = { name, version, private: true, type: 'module', dependencies };
  return {
    manifest,
    lock: {
      name,
      version,
      lockfileVersion: 3,
      requires: true,
      packages: { '': { name, version, dependencies }, ...Object.fromEntries(sorted) },
    },
  };
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
    const {
      dependencies,
      optionalDependencies = {},
      peerDependencies,
      peerDependenciesMeta,
    } = packages[path];
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const at = resolveFrom(packages, path, name);
      const optional = underOptional || name in optionalDependencies;
      if (at === null) {
        if (optional || peerDependenciesMeta?.[name]?.optional) continue;
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
