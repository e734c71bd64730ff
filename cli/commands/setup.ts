import type { Command } from 'commander';
import { runtimePlaces } from '../../evaluator/machine/runtime.ts';
import { setUp } from '../setUp.ts';
import { say } from '../terminal.ts';

/** `haet setup`: makes what the reference submission and other entries in TensorFlow.js need. */
export function setupCommand(command: Command): void {
  command
    .addHelpText(
      'after',
      `
Only the reference submission, and other entries in TensorFlow.js, need this. It takes 1.4 GB in the cache, and needs
python3 with pip and a C++ compiler. A dry run of the reference submission does it first. In a clone it is the same as
\`npm run setup\`.

Example:
  $ haet setup
`,
    )
    .action(async () => {
      process.exitCode = await setUp();
      if (process.exitCode === 0) say(`TensorFlow.js is set up in ${runtimePlaces().packages}`);
    });
}
