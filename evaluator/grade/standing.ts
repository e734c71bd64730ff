import { UserError } from '../../datasets/userError.ts';
import { type ChainHead, readHead } from '../attest/chain.ts';
import { shortCommit } from '../machine/version.ts';
import type { RunRecord } from '../run/record.ts';
import type { RunTrack } from '../run/runTrack.ts';
import type { Judgement } from './canary/canaryLog.ts';
import { hardwareOf } from './hardware.ts';
import { type Graded, type Row, rank } from './leaderboard.ts';
import type { LeftOut } from './listArchives.ts';

/** Conditions that are the same for every entry. */
export interface Conditions {
  readonly track: { readonly info: RunTrack['info']; readonly sha256: string };
  readonly seeds: readonly number[];
  readonly trainSeconds: number;
  readonly predictSeconds: number;
  readonly sandbox: RunRecord['sandbox']['kind'];
  readonly leftOut: Standing['leftOut'];
  /** Default: none. */
  readonly rejudgings?: Standing['rejudgings'];
  /** Default: none. */
  readonly canaries?: Standing['canaries'];
}

/** A canary out of its band, as the leaderboard shows it. */
export interface ShownCanary {
  /** Name of the machine. */
  readonly node: string;
  readonly at: string;
  /** A clause. */
  readonly because: string;
  readonly done: NonNullable<Judgement['done']>;
  /** Runs on that machine since its last good canary, which do not count, and those of them whose job has a result again. */
  readonly runs: number;
  readonly again: number;
}

/** A rejudging as the leaderboard shows it. */
export interface ShownRejudging {
  /** 1 for the first. */
  readonly number: number;
  readonly state: 'open' | 'applied' | 'cancelled';
  readonly since: string;
  /** When it was applied or cancelled; null while it is open. */
  readonly endedAt: string | null;
  readonly reason: string;
  /** Runs to be made again, and those that have a new result. */
  readonly runs: number;
  readonly done: number;
}

/** Content of leaderboard.json: the leaderboard with its conditions. */
export interface Standing {
  readonly schemaVersion: 1;
  readonly track: {
    readonly name: string;
    /** sha256 of its track.json, which contains the hashes of all its files. */
    readonly sha256: string;
    readonly testSize: number;
  };
  readonly seeds: readonly number[];
  readonly limits: { readonly trainSeconds: number; readonly predictSeconds: number };
  readonly sandbox: RunRecord['sandbox']['kind'];
  /** Hardware of the runs, see hardwareOf; more than one is suspicious. */
  readonly machines: readonly string[];
  /** Versions of haet that made the runs; more than one is suspicious. */
  readonly evaluators: readonly string[];
  readonly runs: { readonly wanted: number; readonly done: number };
  /** Number of signed records, including runs that do not count, and sha256 of the last; null if there is none. */
  readonly chain: ChainHead | null;
  readonly rows: readonly Row[];
  /** Files of the folder that are no archives, by name. */
  readonly leftOut: readonly LeftOut[];
  /** In order; only the last can be open. The rows are then of the results before it. */
  readonly rejudgings: readonly ShownRejudging[];
  /** Canaries out of their band, in the order in which they were judged. */
  readonly canaries: readonly ShownCanary[];
}

/**
 * Builds the leaderboard with its conditions.
 * @param outFolder contains the head of the chain of signed records
 */
export function standingOf(
  {
    track,
    seeds,
    trainSeconds,
    predictSeconds,
    sandbox,
    leftOut,
    rejudgings = [],
    canaries = [],
  }: Conditions,
  entries: readonly Graded[],
  outFolder: string,
): Standing {
  const bytes = new Map(entries.map((entry) => [entry.sha256, entry.records]));
  const records = [...bytes.values()].flat();
  const made = records.filter((record) => record !== null);
  const different = (names: string[]) => [...new Set(names)].sort();
  return {
    schemaVersion: 1,
    track: { name: track.info.name, sha256: track.sha256, testSize: track.info.testSize },
    seeds,
    limits: { trainSeconds, predictSeconds },
    sandbox,
    machines: different(made.map(hardwareOf)),
    evaluators: different(
      made.map(
        ({ evaluator }) =>
          `${evaluator.version} (${evaluator.commit ? shortCommit(evaluator.commit) : 'no commit'})`,
      ),
    ),
    runs: { wanted: records.length, done: made.length },
    chain: headOf(outFolder),
    rows: rank(entries),
    leftOut,
    rejudgings,
    canaries,
  };
}

/** Reads the head of the chain; null if chain.json is damaged, which only signing must reject. */
function headOf(outFolder: string): ChainHead | null {
  try {
    return readHead(outFolder);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
