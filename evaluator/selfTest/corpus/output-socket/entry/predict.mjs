import { renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { outFolder } from './helpers/probe.mjs';

process.chdir(outFolder); // the name of a socket must be short
createServer().listen('socket', () => {
  renameSync('socket', 'predictions.npy'); // Node removes a socket that it made, by its first name
  process.exit(0);
});
