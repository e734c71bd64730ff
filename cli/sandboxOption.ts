import { Option } from 'commander';
import { defaultImage } from '../evaluator/sandbox/docker.ts';
import { sandboxKinds } from '../evaluator/sandbox/sandbox.ts';

/** `--sandbox`: how entries are held. */
export function sandboxOption(): Option {
  return new Option('--sandbox <kind>', 'how the entry is held; process fences off neither files nor network')
    .choices(sandboxKinds)
    .default('process');
}

/** `--image`: what entries run in, with `--sandbox docker`. */
export function imageOption(): Option {
  return new Option('--image <name>', 'image that entries run in, with --sandbox docker').default(
    defaultImage,
  );
}
