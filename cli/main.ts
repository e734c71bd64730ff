import { Command, CommanderError } from 'commander';
import { UserError } from '../datasets/userError.ts';
import { version } from '../evaluator/machine/version.ts';
import { commandList } from './commandList.ts';
import { reportError } from './reportError.ts';
import { linesOf, tell } from './terminal.ts';

/** Exit status for a user's mistake; the statuses of runs are in the table of verdicts. */
const mistake = 2;
/** Exit status for an internal error, as Node uses for an uncaught error. */
const fault = 1;

const program = new Command('haet')
  .description("Train an image classifier against a ten-minute clock, and grade other people's.")
  .version(version)
  .showHelpAfterError('(see --help for options and an example)')
  .configureOutput({ outputError: (text) => tell(...linesOf(text.replace(/^error: /, 'haet: '))) })
  .exitOverride();

const words = process.argv.slice(2);
for (const { name, description, load } of commandList) {
  const command = program.command(name).description(description);
  // At any position: `haet help data` prints the same as `haet data --help`.
  if (words.includes(name)) (await load())(command);
}
// Commands that are not loaded are known by name only. This is set last, because `data` and `seal` would inherit it.
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
    // Not rethrown, because Node would print the message unescaped.
    const { message, stack = '' } = error as Error;
    reportError(error as Error, 'internal error');
    const frames = linesOf(stack.slice(stack.indexOf(message) + message.length)).filter(
      (line) => line !== '',
    );
    tell(...frames);
    process.exitCode = fault;
  }
}
