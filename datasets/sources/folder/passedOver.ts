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
