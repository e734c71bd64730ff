import type { SealedTrackInfo } from '../../datasets/sealing/sealedTrack.ts';
import type { TrackInfo } from '../../datasets/track.ts';
import type { Limits, ProgressLine, StageName } from '../contract.ts';
import type { ArchiveLimits } from '../intake/limits.ts';
import type { RunRecord, RunStage } from './record.ts';
import type { Withheld } from './withheld.ts';

export interface RunPlan {
  /** Folder of the entry, or the archive that it was sent in. */
  readonly entryPath: string;
  /** Words added to the command of the train stage. */
  readonly entryArguments?: readonly string[];
  readonly track: {
    readonly dir: string;
    readonly info: TrackInfo | SealedTrackInfo;
    /** The half that is scored on; where it lies open in the Track it need not be named. */
    readonly withheld?: Withheld;
  };
  /** The run's own folder is made in this one. */
  readonly runsFolder: string;
  readonly seed: number;
  /** How many runs of these bytes with this seed on these terms there were, with this one; 1 by default. */
  readonly attempt?: number;
  readonly limits?: Partial<Limits>;
  /** CPUs and memory that the entry may use, and is told of; by default all CPUs, and what entryMemory.ts leaves. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly machine: RunRecord['machine'];
  /** Content hash of the image that the evaluator itself runs in; for the signed record of a sealed Track. */
  readonly evaluatorImage?: string;
  /** What an archive may be; where not given, the usual. */
  readonly intake?: ArchiveLimits;
  /** Whether the model stays in the run's folder when it has been used and hashed. Default true. */
  readonly keepModel?: boolean;
  /** What others may use of the CPUs before the run counts as disturbed, see contention.ts. */
  readonly mostDisturbance?: number;
  /** Sentences for the evidence: what was wrong with the machine before the run. */
  readonly remarks?: readonly string[];
}

export interface RunHooks {
  /** Ends training early; what it saved by then is scored. */
  readonly interrupt?: AbortSignal;
  /** Ends the run; nothing is scored any more. */
  readonly abort?: AbortSignal;
  readonly onStage?: (stage: RunStage) => void;
  readonly onProgress?: (line: ProgressLine, atSeconds: number) => void;
  /** Looks at the output folder of a stage as the stage left it, before anything of it is removed. */
  readonly onOutput?: (stage: StageName, folder: string) => Promise<void>;
}
