import { writeSync } from 'node:fs';

/** One progress line of the contract. */
export interface Progress {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  /** Running training accuracy, 0 to 1. */
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  readonly learningRate: number;
  /** `native` or `stock`. */
  readonly engine: string;
}

/** Writes a progress line as JSON. Training goes on when nobody reads it, or nobody does any more. */
export function reportProgress(fd: number | null, progress: Progress): void {
  if (fd === null) return;
  try {
    writeSync(fd, `${JSON.stringify(progress)}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'EAGAIN' && code !== 'EBADF') throw error;
  }
}
