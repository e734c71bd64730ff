// Reads Parquet files for receiveParquet.ts, which started this process and limits its memory and time.
import { Worker } from 'node:worker_threads';
import { UserError } from '../../userError.ts';
import type { ParquetMessage, ParquetTask } from './parquetMessages.ts';
import { readParquetFile } from './readParquetFile.ts';

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 100;

const { paths, options } = JSON.parse(process.argv[2]!) as ParquetTask;
let lastReport = 0;

// If the parent is gone, nobody waits for the result. A thread looks, because a damaged file can keep this one busy.
const endWithParent = `setInterval(() => {
  if (process.ppid !== ${process.ppid}) process.kill(process.pid, 'SIGKILL');
}, 500)`;
new Worker(endWithParent, { eval: true }).unref();

try {
  for (const path of paths) {
    await say({ kind: 'open', path });
    await readParquetFile(path, options, {
      progress: reportProgress,
      start: (rows, names) => void say({ kind: 'start', rows, names }),
      images: (images, labels) => say({ kind: 'images', images, labels }),
    });
  }
  await say({ kind: 'done' });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  const { option, path, reason, remedy } = error;
  await say({ kind: 'fault', fields: { option, path, reason, remedy } });
}
process.exit();

function reportProgress(): void {
  const now = performance.now();
  if (now - lastReport < REPORT_EVERY) return;
  lastReport = now;
  void say({ kind: 'progress' });
}

function say(message: ParquetMessage): Promise<void> {
  return new Promise((done, fail) => {
    process.send!(message, (error: Error | null) => (error === null ? done() : fail(error)));
  });
}
