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
  /** Who computes: our own ops or TensorFlow's. */
  readonly engine: string;
}

/** Writes one JSON object a line. Nobody listening, or nobody any more, is no reason to stop training. */
export function reportProgress(fd: number | null, progress: Progress): void {
  if (fd === null) return;
  try {
    writeSync(fd, `${JSON.stringify(progress)}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && code !== 'EAGAIN' && code !== 'EBADF') throw error;
  }
}
