import { Command, CommanderError } from 'commander';
import { UserError } from '../datasets/userError.ts';
import { version } from '../evaluator/version.ts';
import { auditCommand } from './commands/audit.ts';
import { checkMachineCommand } from './commands/checkMachine.ts';
import { dataCommand } from './commands/data.ts';
import { dryRunCommand } from './commands/dryRun.ts';
import { gradeCommand } from './commands/grade.ts';
import { officialCommand } from './commands/official.ts';
import { checkCommand, packCommand } from './commands/pack.ts';
import { sealCommand } from './commands/seal.ts';
import { selfTestCommand } from './commands/selfTest.ts';
import { verifyCommand } from './commands/verify.ts';

/** Exit status at a user's mistake; those of a run are in the table of verdicts. */
const mistake = 2;

const commands: Command[] = [
  dryRunCommand(),
  packCommand(),
  checkCommand(),
  gradeCommand(),
  officialCommand(),
  auditCommand(),
  dataCommand(),
  sealCommand(),
  checkMachineCommand(),
  verifyCommand(),
  selfTestCommand(),
];

const program = new Command('haet')
  .description('Train an image classifier against a ten-minute clock, and grade anyone’s.')
  .version(version)
  .showHelpAfterError('(add --help for the options and an example)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'haet: ')) })
  .exitOverride();
for (const command of commands) program.addCommand(inherit(command));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : mistake;
  } else if (error instanceof UserError) {
    process.stderr.write(`haet: ${error.message}\n`);
    process.exitCode = mistake;
  } else {
    throw error;
  }
}

/** `addCommand` does not hand the program's settings down. */
function inherit(command: Command): Command {
  command.copyInheritedSettings(program);
  for (const child of command.commands) child.copyInheritedSettings(program);
  return command;
}
