import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { makeOwnFolder } from '../ownNames.ts';

export interface ProgressPipe {
  readonly path: string;
  readonly reader: Socket;
  close(): Promise<void>;
}

/** Makes a named pipe that a container may write to. Reading ends when the last writer has closed it. */
export async function makeProgressPipe(): Promise<ProgressPipe> {
  const folder = await makeOwnFolder('progress');
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'pipe');
    await execa('mkfifo', [path]);
    chmodSync(path, 0o622);
    const reader = new Socket({
      fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
      readable: true,
      writable: false,
    });
    return {
      path,
      reader,
      async close() {
        // Where the stage never opened the pipe, this is what ends the reading.
        if (!reader.destroyed) closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}
