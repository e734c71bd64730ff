import type { SealedTrackInfo } from '../../datasets/sealing/sealedTrack.ts';
import type { TrackInfo } from '../../datasets/track.ts';
import type { Limits, ProgressLine, StageName } from '../contract.ts';
import type { ArchiveLimits } from '../intake/limits.ts';
import type { GpuShare } from '../machine/gpus.ts';
import type { CanaryMark } from './canaryMark.ts';
import type { RunRecord, RunStage } from './record.ts';
import type { Withheld } from './withheld.ts';

export interface RunPlan {
  /** Folder of the entry, or its archive. */
  readonly entryPath: string;
  /** Arguments added to the command of the train stage. */
  readonly entryArguments?: readonly string[];
  readonly track: {
    readonly dir: string;
    readonly info: TrackInfo | SealedTrackInfo;
    /** The withheld half; optional for an open Track. */
    readonly withheld?: Withheld;
  };
  /** Parent of the run's folder. */
  readonly runsFolder: string;
  readonly seed: number;
  /** Number of this attempt (same bytes, seed and terms); 1 by default. */
  readonly attempt?: number;
  readonly limits?: Partial<Limits>;
  /** CPUs and memory for the entry; by default all CPUs, and what entryMemory.ts leaves. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** The CPUs, as many as `cpus`, that stages run on; by default chosen by the sandbox. */
  readonly cpuSet?: readonly number[];
  /** Its GPUs; by default, stages see those that the sandbox shows. */
  readonly gpus?: GpuShare;
  readonly machine: RunRecord['machine'];
  /** Content hash of the image that the evaluator itself runs in; for the signed record of a sealed Track. */
  readonly evaluatorImage?: string;
  /** Limits of intake; default limits if not given. */
  readonly intake?: ArchiveLimits;
  /** Whether the model stays in the run's folder after it was used and hashed. Default true. */
  readonly keepModel?: boolean;
  /** Share of the CPUs that other work may use before the run counts as disturbed, see contention.ts. */
  readonly mostDisturbance?: number;
  /**
   * Skips the second predict run, which checks that rows do not depend on other test images. Only on an open Track; a
   * grading never counts such a run. Default false.
   */
  readonly predictOnce?: boolean;
  /** Sentences for the evidence: what was wrong with the machine before the run. */
  readonly remarks?: readonly string[];
  /** The canary of the machine that the run follows, which is noted in its folder. */
  readonly canary?: CanaryMark;
}

export interface RunHooks {
  /** Ends training early; the model saved by then is scored. */
  readonly interrupt?: AbortSignal;
  /** Ends the run without a score. */
  readonly abort?: AbortSignal;
  readonly onStage?: (stage: RunStage) => void;
  readonly onProgress?: (line: ProgressLine, atSeconds: number) => void;
  /** Inspects a stage's output folder before anything in it is removed. */
  readonly onOutput?: (stage: StageName, folder: string) => Promise<void>;
}
