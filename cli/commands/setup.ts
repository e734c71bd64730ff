import type { Command } from 'commander';
import { setUpAll } from '../setUp.ts';

/** `haet setup`: makes what the reference submission and other entries in TensorFlow.js need. */
export function setupCommand(command: Command): void {
  command
    .addHelpText(
      'after',
      `
Only the reference submission, and other entries in TensorFlow.js, need this: about 600 MB of downloads and 1.5 GB in the
cache. It needs python3 with pip and a C++ compiler. A dry run of the reference submission does it by itself. In a clone
it is \`npm run setup\`.

Example:
  $ haet setup
`,
    )
    .action(async () => {
      process.exitCode = await setUpAll();
    });
}
