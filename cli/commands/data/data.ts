import type { Command } from 'commander';
import { makeCommand } from './make.ts';
import { showCommand } from './show.ts';

/** `haet data`: makes Tracks and shows them. */
export function dataCommand(command: Command): void {
  makeCommand(command.command('make'));
  showCommand(command.command('show'));
  command.addHelpText('after', '\nExample:\n  $ haet data make --source synthetic --out my-track\n');
}
