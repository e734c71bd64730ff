// tfjs-node 4.22 calls two functions that Node 23 removed. Import this module before it.
import { createRequire } from 'node:module';

/** CommonJS modules share this object, so functions restored here are visible to tfjs-node. */
const util = createRequire(import.meta.url)('node:util') as {
  isArray?: (value: unknown) => boolean;
  isNullOrUndefined?: (value: unknown) => boolean;
};

util.isArray ??= Array.isArray;
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
