import util from 'node:util';

// tfjs-node 4.22 calls two functions that Node 23 removed.
const removed = util as unknown as Record<string, unknown>;
removed.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
removed.isArray ??= Array.isArray;
