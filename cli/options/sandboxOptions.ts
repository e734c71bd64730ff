import { type Command, Option } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { defaultImage } from '../../evaluator/sandbox/docker/engine.ts';
import { type SandboxKind, sandboxKinds } from '../../evaluator/sandbox/sandbox.ts';

const sandbox = () =>
  new Option(
    '--sandbox <kind>',
    'sandbox that runs the entry; process isolates neither files nor network',
  ).choices(sandboxKinds);

/** `--sandbox`, where the entry is the user's own or the place is known: how it is held. */
export function sandboxOption(usual: SandboxKind = 'process'): Option {
  return sandbox().default(usual);
}

/** What entries run in, with `--sandbox docker`. */
export interface ContainerOptions {
  readonly image: string;
  readonly runtime?: string;
}

/** How entries of strangers are held: there is no default, one of the two must be given. */
export interface StrangersSandbox extends ContainerOptions {
  readonly sandbox?: SandboxKind;
  readonly trusted?: true;
}

/** Adds `--sandbox` and `--trusted` to a command that runs entries of strangers. */
export function addStrangersSandbox(command: Command): Command {
  return command
    .addOption(sandbox())
    .addOption(
      new Option(
        '--trusted',
        'run entries that you trust without isolation, as --sandbox process does',
      ).conflicts('sandbox'),
    );
}

/**
 * The kind of sandbox that was asked for.
 * @throws UserError where neither option was given
 */
export function strangersSandbox({
  sandbox,
  trusted,
}: Pick<StrangersSandbox, 'sandbox' | 'trusted'>): SandboxKind {
  const kind = trusted ? 'process' : sandbox;
  if (kind === undefined) {
    throw new UserError(
      'no sandbox was named. Give --sandbox bubblewrap or --sandbox docker, which keep files, answers and network from entries; or --trusted where every entry is your own.',
    );
  }
  return kind;
}

/** Says, before strangers' entries are run, that nothing holds them, where that is so. */
export function warnWhereUnfenced(kind: SandboxKind, tell: (sentence: string) => void): void {
  if (kind !== 'process') return;
  tell('NOTHING IS FENCED: an entry can read the answers and every file of yours, and use the network.');
}

/** `--image`: what entries run in, with `--sandbox docker`. */
export function imageOption(): Option {
  return new Option('--image <name>', 'image that entries run in, with --sandbox docker').default(
    defaultImage,
  );
}

/** `--runtime`: what runs the containers of `--sandbox docker`. */
export function runtimeOption(): Option {
  return new Option(
    '--runtime <name>',
    'with --sandbox docker: runtime of the containers, of those that the engine knows (default: its own)',
  );
}
