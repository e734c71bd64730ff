#!/usr/bin/env node
// The `haet` command: runs the compiled command line, or says how to build it.
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(main)) {
  process.stderr.write('haet: not built yet. Run `npm run setup` in the clone first.\n');
  process.exit(2);
}
await import(main.href);
