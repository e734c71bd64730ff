import { Command, CommanderError } from 'commander';
import { UserError } from '../datasets/userError.ts';
import { version } from '../evaluator/machine/version.ts';
import { commandList } from './commandList.ts';
import { reportError } from './reportError.ts';
import { linesOf, tell } from './terminal.ts';

/** Exit status at a user's mistake; those of a run are in the table of verdicts. */
const mistake = 2;
/** At a fault of ours, as Node gives for an error that nobody catches. */
const fault = 1;

const program = new Command('haet')
  .description('Train an image classifier against a ten-minute clock, and grade anyone’s.')
  .version(version)
  .showHelpAfterError('(add --help for the options and an example)')
  .configureOutput({ outputError: (text) => tell(...linesOf(text.replace(/^error: /, 'haet: '))) })
  .exitOverride();

const words = process.argv.slice(2);
for (const { name, description, load } of commandList) {
  const command = program.command(name).description(description);
  // Wherever it stands: `haet help data` shows what `haet data --help` does.
  if (words.includes(name)) (await load())(command);
}
// Of those not loaded no more is known than the name. Set last, or the lists of `data` and `seal` would have it too.
program.configureHelp({ subcommandTerm: (command) => command.name() });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : mistake;
  } else if (error instanceof UserError) {
    reportError(error);
    process.exitCode = mistake;
  } else {
    // Not thrown: Node would print the message as it is.
    const { message, stack = '' } = error as Error;
    reportError(error as Error, 'a fault of haet itself');
    const frames = linesOf(stack.slice(stack.indexOf(message) + message.length)).filter(
      (line) => line !== '',
    );
    tell(...frames);
    process.exitCode = fault;
  }
}
