// Runs a command of `haet` for an npm script: `node scripts/inCallersFolder.mjs dry-run ...`. npm runs scripts in the
// clone; relative paths on its command line are meant from the folder in which npm was started (INIT_CWD).
import { fileURLToPath } from 'node:url';

const clone = fileURLToPath(new URL('../', import.meta.url)).replace(/\/$/, '');
const started = process.env.INIT_CWD;
if (started && started !== clone) {
  process.chdir(started);
  process.stderr.write(`haet: relative paths, also that of the report, are below ${process.cwd()}.\n`);
}
await import('../cli/bin.mjs');
