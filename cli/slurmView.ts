import { inPercent } from '../evaluator/report/format.ts';
import type { Seen } from '../evaluator/slurm/seen.ts';
import { eraseLines, type Say, sayOn, shortName } from './terminal.ts';

export interface SlurmView {
  /** Shows the attempts that are not done. */
  show(seen: readonly Seen[]): void;
  /** Counts a run that ended. */
  ended(isFault: boolean): void;
  /** Writes lines above the view. */
  readonly tell: Say;
  /** Removes the view from the screen. */
  stop(): void;
}

/** Running attempts that are listed one by one. */
const mostListed = 20;
/** Seconds between two lines if the output is not a terminal. */
const plainInterval = 15;

/**
 * Shows the progress of all tasks of a grading on Slurm: on a terminal one block that is redrawn, otherwise a line when
 * the counts change, and every 15 s.
 * @param budgetSeconds limits of the stages of a run, for the estimate of the end
 */
export function createSlurmView(stream: NodeJS.WriteStream, budgetSeconds: number): SlurmView {
  let drawn: string[] = [];
  let onScreen = 0;
  let [done, faults, most] = [0, 0, 1];
  let printed = { counts: '', at: 0 };
  const clear = () => {
    eraseLines(stream, onScreen);
    onScreen = 0;
  };
  const draw = () => {
    if (drawn.length > 0) sayOn(stream, ...drawn);
    onScreen = drawn.length;
  };
  return {
    show(seen) {
      const running = seen.filter(({ state }) => state === 'running');
      most = Math.max(most, running.length);
      const queued = seen.length - running.length;
      const counts = `queued ${queued}, running ${running.length}, done ${done}, failed ${faults}`;
      const line = `${counts}, about ${clock(secondsLeft(seen, most, budgetSeconds))} left`;
      if (stream.isTTY) {
        clear();
        const all = [...running.slice(0, mostListed).map(lineOf), ...whyQueued(seen), line];
        // A wrapped line would be two on the screen.
        drawn = all.map((each) => each.slice(0, stream.columns));
        draw();
      } else if (counts !== printed.counts || performance.now() - printed.at > 1000 * plainInterval) {
        printed = { counts, at: performance.now() };
        sayOn(stream, [line, ...running.slice(0, mostListed).map(lineOf)].join('; '));
      }
    },
    ended(isFault) {
      if (isFault) faults += 1;
      else done += 1;
    },
    tell(...lines) {
      clear();
      sayOn(stream, ...lines);
      if (stream.isTTY) draw();
    },
    stop() {
      clear();
      drawn = [];
    },
  };
}

/** Returns about how many seconds all attempts need, at as many at once as have been seen. */
export function secondsLeft(seen: readonly Seen[], atOnce: number, budgetSeconds: number): number {
  const running = seen.filter(({ state }) => state === 'running');
  const rounds = Math.ceil((seen.length - running.length) / Math.max(1, atOnce));
  const current = running.map(({ what, seconds }) =>
    Math.max(0, budgetSeconds - (what === 'train' ? (seconds ?? 0) : budgetSeconds)),
  );
  return rounds * budgetSeconds + Math.max(0, ...current);
}

function lineOf({ label, node, what, seconds, accuracy }: Seen): string {
  const time = seconds === null ? '' : ` ${seconds.toFixed(0)} s`;
  const share = accuracy === null ? '' : `, ${inPercent(accuracy)} %`;
  return `${shortName(label)} on ${node ?? '?'}: ${what}${time}${share}`;
}

/** Returns what the queue waits for, in Slurm's words, with counts. */
function whyQueued(seen: readonly Seen[]): string[] {
  const counts = new Map<string, number>();
  for (const { state, what } of seen) {
    if (state === 'queued') counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `queued: ${count} (${reason})`);
}

function clock(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
