import { resolve } from 'node:path';
import type { Command } from 'commander';
import { checkPublic } from '../../../datasets/sealing/checkPublic.ts';
import { say } from '../../terminal.ts';

/** `haet seal check`: whether a folder may be given to anyone. */
export function checkCommand(command: Command): void {
  command
    .description('Check that a folder is a whole sealed Track and nothing else, fit to be given to anyone.')
    .argument('<dir>', 'folder that --public made')
    .addHelpText('after', '\nExample:\n  $ haet seal check sealed-track\n')
    .action(async (dir: string) => {
      const { name } = await checkPublic(dir);
      say(`${resolve(dir)}: ${name}; sealed and whole, and nothing else lies there`);
    });
}
