import type { Command } from 'commander';
import { checkCommand } from './check.ts';
import { commitCommand } from './commit.ts';
import { keygenCommand } from './keygen.ts';
import { keysCommand } from './keys.ts';
import { labelsKeyCommand } from './labelsKey.ts';
import { trackCommand } from './track.ts';

/** `haet seal`: encrypts the withheld half of a Track, and commits to it before a contest. */
export function sealCommand(command: Command): void {
  // A hidden default command, because options of `seal` itself would shadow options of the same name in `keygen` and `commit`.
  const sealing = command.command('<track>', { isDefault: true, hidden: true });
  trackCommand(sealing);
  keygenCommand(command.command('keygen'));
  keysCommand(command.command('keys'));
  commitCommand(command.command('commit'));
  labelsKeyCommand(command.command('labels-key'));
  checkCommand(command.command('check'));

  const options = sealing.options.map(({ flags, description }) => `  ${flags.padEnd(17)} ${description}`);
  command
    .usage(
      '<track> --to <key> --images-to <key> --out <file> [--public <dir>]\n       haet seal keygen|keys|commit|labels-key|check [options]',
    )
    .addHelpText(
      'after',
      `
Options of haet seal <track>:
${options.join('\n')}

Keep the Track and the identity file where no entry runs. The images key opens the images in the sealed file and nothing
else; it is all that running entries needs. The labels inside are encrypted again, to the identity only. If a Track's
folder is named like a command, write ./keygen or ./commit. The age tool opens the sealed file too:
  $ age -d -i identity.txt withheld.age | tar -x

Example:
  $ haet seal keygen --out identity.txt --images-out images-key.txt
  $ haet seal my-track --to age1... --images-to age1... --out withheld.age --public sealed-track
  $ haet seal commit --sealed withheld.age --seeds 3 --out commitment.json --reveal reveal.json
  $ haet seal labels-key --sealed withheld.age --identity identity.txt --out labels-key.json
`,
    );
}
