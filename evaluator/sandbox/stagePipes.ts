import { closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { makeOwnFolder } from './ownNames.ts';

/** A pipe between a stage and the evaluator. */
export interface StagePipe {
  readonly reader: Socket;
  /** Descriptor of the end that the stage writes to. */
  readonly writer: number;
  /** Closes our copy of that end; reading ends when the stage's processes have closed theirs. */
  closeWriter(): void;
}

/**
 * Makes pipes for the output of a stage. Node's own `pipe` is a socket pair, which /dev/stderr and /dev/fd/N cannot
 * open ("No such device or address"). Node cannot make a pipe without a name, so the names are removed at once; the
 * entry's user may open these pipes for writing only.
 */
export async function makeStagePipes(count: number): Promise<StagePipe[]> {
  const folder = await makeOwnFolder('pipes');
  const made: StagePipe[] = [];
  try {
    const paths = Array.from({ length: count }, (_, index) => join(folder, String(index)));
    // In a process group of its own: Ctrl-C at the terminal reaches every process of ours.
    await execa('mkfifo', ['--mode=0622', ...paths], { detached: true });
    for (const path of paths) made.push(openBothEnds(path));
    return made;
  } catch (error) {
    for (const { reader, closeWriter } of made) {
      reader.destroy();
      closeWriter();
    }
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function openBothEnds(path: string): StagePipe {
  // In this order: opening the reading end never waits, and then the writing end has a reader.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  let isOpen = true;
  return {
    reader: new Socket({ fd, readable: true, writable: false }),
    writer,
    closeWriter() {
      if (isOpen) closeSync(writer);
      isOpen = false;
    },
  };
}
