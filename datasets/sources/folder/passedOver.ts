/** Files and folders that operating systems, archivers and file servers leave behind, in lower case. */
const leftBehind = new Set([
  '__macosx',
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'icon\r',
  '@eadir',
  '$recycle.bin',
  'system volume information',
  'lost+found',
]);

/** Returns whether an entry of a folder is ignored without a message: dot files, `Thumbs.db`, `__MACOSX` and the like. */
export function isPassedOver(name: string): boolean {
  return name.startsWith('.') || name.endsWith(':Zone.Identifier') || leftBehind.has(name.toLowerCase());
}

/** Dot folders that tools make; such a folder is no class by mistake. */
const ofTools =
  /^\.(?:git|svn|hg|dvc|ipynb_checkpoints|cache|huggingface|idea|vscode|venv|trash.*|spotlight-v100|fseventsd|temporaryitems|documentrevisions-v100|appledouble|appledb|thumbnails|@__thumb|picasaoriginals|snapshots?)$/i;

/** Returns whether a folder is ignored although it may be a class: its name starts with a dot, and no tool makes it. */
export function isHiddenClass(name: string): boolean {
  return name.startsWith('.') && !ofTools.test(name);
}
