import { resolve } from 'node:path';
import type { Command } from 'commander';
import { checkPublic } from '../../../datasets/sealing/checkPublic.ts';
import { say } from '../../terminal.ts';

/** `haet seal check`: checks that a folder can be published. */
export function checkCommand(command: Command): void {
  command
    .description('Check that a folder is a complete sealed Track and nothing else, safe to publish.')
    .argument('<dir>', 'folder that --public made')
    .addHelpText('after', '\nExample:\n  $ haet seal check sealed-track\n')
    .action(async (dir: string) => {
      const { name } = await checkPublic(dir);
      say(`${resolve(dir)}: ${name}; sealed, complete, and nothing else in the folder`);
    });
}
