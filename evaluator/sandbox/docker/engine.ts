import { execa } from 'execa';
import { UserError } from '../../../datasets/userError.ts';
import { isLeftBehind } from '../ownNames.ts';

/** The image that entries run in if none is named. */
export const defaultImage = 'haet';

/** What containers are made of and run by. */
export interface Base {
  readonly image: string;
  readonly runtime: string | undefined;
}

/** Runs a command of the client and returns what it prints. @throws Error if it fails */
export async function docker(...words: string[]): Promise<string> {
  return (await execa('docker', words)).stdout.trim();
}

/**
 * Resolves the names of an image and a runtime.
 * @param runtime the engine's default if none is named
 * @throws UserError if the engine, the image or the runtime is missing
 */
export async function findBase(image: string, runtime: string | undefined): Promise<Base> {
  const { stdout, stderr, exitCode } = await execa(
    'docker',
    ['image', 'inspect', '--format', '{{.Id}}', image],
    { reject: false },
  );
  if (exitCode === undefined) {
    throw new UserError('--sandbox docker needs the docker command, which is not on PATH. Install Docker.');
  }
  if (exitCode !== 0) {
    throw new UserError(
      `the image ${image} cannot be used: ${stderr.trim().split('\n')[0]}. Build it with \`docker build -t ${defaultImage} .\`, or name another with --image.`,
    );
  }
  return { image: stdout.trim(), runtime: await knownRuntime(runtime) };
}

/** @throws UserError if the engine does not know the runtime */
async function knownRuntime(runtime: string | undefined): Promise<string | undefined> {
  if (runtime === undefined) return undefined;
  const names = Object.keys(JSON.parse(await docker('info', '--format', '{{json .Runtimes}}')));
  if (names.includes(runtime)) return runtime;
  throw new UserError(
    `--runtime ${runtime}: the Docker engine knows ${names.sort().join(', ')}. Install it and name it in the engine's daemon.json, under "runtimes".`,
  );
}

/** Removes the containers that evaluators left behind when they were killed. */
export async function removeLeftContainers(): Promise<void> {
  const names = await docker('ps', '--all', '--filter', 'name=^haet-', '--format', '{{.Names}}');
  const left = names.split('\n').filter(isLeftBehind);
  // One that ends by itself meanwhile is no failure.
  if (left.length > 0) await docker('rm', '--force', ...left).catch(() => {});
}
