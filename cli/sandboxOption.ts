import { Option } from 'commander';
import { defaultImage } from '../evaluator/sandbox/docker.ts';
import { type SandboxKind, sandboxKinds } from '../evaluator/sandbox/sandbox.ts';

/** `--sandbox`: how entries are held. */
export function sandboxOption(usual: SandboxKind = 'process'): Option {
  return new Option('--sandbox <kind>', 'how the entry is held; process fences off neither files nor network')
    .choices(sandboxKinds)
    .default(usual);
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
