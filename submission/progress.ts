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
  /** Engine of the run: `native` or `stock`. */
  readonly engine: string;
}

/** Writes one JSON object per line. Training continues without a reader. */
export function reportProgress(fd: number | null, progress: Progress): void {
  if (fd === null) return;
  try {
    writeSync(fd, `${JSON.stringify(progress)}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'EAGAIN' && code !== 'EBADF') throw error;
  }
}
