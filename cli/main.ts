import { Command, CommanderError } from 'commander';
import { UserError } from '../datasets/userError.ts';
import { requireCurrentFolder } from '../evaluator/machine/currentFolder.ts';
import { explainSystemError } from '../evaluator/machine/explainSystemError.ts';
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

// Whatever the umask is, this user can use the files that this process makes for itself.
process.umask(process.umask() & ~0o700);
program.hook('preAction', requireCurrentFolder);

// Errors in callbacks of streams and timers, which no caller can catch.
process.on('uncaughtException', (error) => {
  // Nobody reads the output any more, so there is nothing to print.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(fault);
  process.exit(statusOf(error));
});

try {
  const words = process.argv.slice(2);
  for (const { name, description, hidden = false, load } of commandList) {
    const command = program.command(name, { hidden }).description(description);
    // At any position: `haet help data` prints the same as `haet data --help`.
    if (words.includes(name)) (await load())(command);
  }
  // Commands that are not loaded are known by name only. This is set last, because `data` and `seal` would inherit it.
  program.configureHelp({ subcommandTerm: (command) => command.name() });
  await program.parseAsync();
} catch (error) {
  process.exitCode = statusOf(error);
}

/** Reports an error and returns the exit status for it. */
function statusOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : mistake;
  const explained = error instanceof UserError ? error : explainSystemError(error);
  if (explained !== null) {
    reportError(explained);
    return mistake;
  }
  // Not rethrown, because Node would print the message unescaped.
  const { message, stack = '' } = error as Error;
  reportError(error as Error, 'internal error');
  const frames = linesOf(stack.slice(stack.indexOf(message) + message.length)).filter((line) => line !== '');
  tell(...frames);
  return fault;
}
