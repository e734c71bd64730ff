import type { RunRecord } from '../run/record.ts';
import type { SlurmOptions } from './batch.ts';
import type { SlurmCanary } from './slurmCanary.ts';
import type { Expected, Task } from './task.ts';
import type { Times } from './times.ts';

/** What is the same for all attempts. */
export interface SlurmSettings {
  /** Folder of the batches, in the shared folder. */
  readonly folder: string;
  readonly options: SlurmOptions;
  readonly sandbox: Task['sandbox'];
  /** File with the key of the test images; null on an open Track. */
  readonly imagesKey: string | null;
  /** CPUs and memory of an entry; null: all that the node gives. */
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly quietSeconds: number;
  readonly expected: Expected;
  readonly evaluator: RunRecord['evaluator'];
  /** Runs on every node before its first attempt; undefined: none. */
  readonly canary?: SlurmCanary | undefined;
  /** Whether to return as soon as everything is submitted. */
  readonly detach: boolean;
  /** Default: the usual times. */
  readonly times?: Times;
}
