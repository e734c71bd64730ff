import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeOwnFolder } from '../ownNames.ts';
import { dockerProfile } from './profile.ts';

/** What the engine is told of system calls; null if there is no profile for this machine. */
export const profile = dockerProfile();

/** Writes the profile to a file, which the client reads when it makes a container, and returns the words that name it. */
export async function writeProfile(): Promise<{ words: string[]; remove(): Promise<void> }> {
  if (profile === null) return { words: [], async remove() {} };
  const folder = await makeOwnFolder('profile');
  const path = join(folder, 'seccomp.json');
  await writeFile(path, JSON.stringify(profile));
  return {
    words: ['--security-opt', `seccomp=${path}`],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
