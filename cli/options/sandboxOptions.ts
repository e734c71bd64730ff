import { type Command, Option } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { defaultImage } from '../../evaluator/sandbox/docker/engine.ts';
import { type SandboxKind, sandboxKinds } from '../../evaluator/sandbox/sandbox.ts';

const sandbox = () =>
  new Option(
    '--sandbox <kind>',
    'sandbox that runs the entry; process isolates neither files nor network',
  ).choices(sandboxKinds);

/** `--sandbox` for commands that run the user's own entry. */
export function sandboxOption(usual: SandboxKind = 'process'): Option {
  return sandbox().default(usual);
}

/** Image and runtime of `--sandbox docker`. */
export interface ContainerOptions {
  readonly image: string;
  readonly runtime?: string;
}

/** Options for untrusted entries: one of the two is required. */
export interface StrangersSandbox extends ContainerOptions {
  readonly sandbox?: SandboxKind;
  readonly trusted?: true;
}

/** Adds `--sandbox` and `--trusted` to a command that runs untrusted entries. */
export function addStrangersSandbox(command: Command): Command {
  return command
    .addOption(sandbox())
    .addOption(
      new Option('--trusted', 'run trusted entries without isolation, as --sandbox process does').conflicts(
        'sandbox',
      ),
    );
}

/**
 * Returns the requested kind of sandbox.
 * @throws UserError if neither option was given
 */
export function strangersSandbox({
  sandbox,
  trusted,
}: Pick<StrangersSandbox, 'sandbox' | 'trusted'>): SandboxKind {
  const kind = trusted ? 'process' : sandbox;
  if (kind === undefined) {
    throw new UserError(
      '--sandbox is missing. Give --sandbox bubblewrap or --sandbox docker, which isolate files and network, or --trusted if every entry is your own.',
    );
  }
  return kind;
}

/** Warns before untrusted entries run without isolation. */
export function warnWhereUnfenced(kind: SandboxKind, tell: (sentence: string) => void): void {
  if (kind !== 'process') return;
  tell('NO ISOLATION: an entry can read the labels and all your files, and use the network.');
}

/** `--image`: the image that entries run in, with `--sandbox docker`. */
export function imageOption(): Option {
  return new Option('--image <name>', 'image that entries run in, with --sandbox docker').default(
    defaultImage,
  );
}

/** `--runtime`: runtime of the containers of `--sandbox docker`. */
export function runtimeOption(): Option {
  return new Option(
    '--runtime <name>',
    "with --sandbox docker: container runtime, one that the engine knows (default: the engine's)",
  );
}
