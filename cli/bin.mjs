#!/usr/bin/env node
// The `haet` command: runs the compiled command line, or says how to build it.
import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';

const clone = fileURLToPath(new URL('../', import.meta.url)).replace(/\/$/, '');
const main = new URL('../dist/cli/main.js', import.meta.url);
try {
  accessSync(main, constants.R_OK);
  await import(main.href);
} catch (error) {
  process.stderr.write(`haet: ${whyNot(error)}\n`);
  process.exit(2);
}

/** Errors of a run are reported by the command line itself: here it could not be loaded. */
function whyNot({ code, message }) {
  if (code === 'ENOENT') return 'not built yet. Run `npm run setup` in the clone first.';
  const reason = `${clone}: cannot be loaded (${message.split('\n')[0]})`;
  if (code === 'EACCES') return `${reason}. Let its owner run \`chmod -R go+rX ${clone}\`.`;
  if (code === 'EMFILE')
    return `${reason}. Raise the limit of open files, for example with \`ulimit -n 1024\`.`;
  return `${reason}. Run \`npm run setup\` there.`;
}
