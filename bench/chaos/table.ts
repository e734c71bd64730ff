import type { Chaos } from './chaos.ts';
import { attemptStates } from './events.ts';
import { killed, victims } from './victims.ts';

/** Counts of several repetitions: what was attacked. */
export interface Attacked {
  /** Kills by kill -9. */
  readonly kills: number;
  readonly lines: readonly string[];
}

/** Formats what was attacked, and when. */
export function attackedIn(runs: readonly Chaos[]): Attacked {
  const ofStates = (run: Chaos) => [...run.atStates.values()].flat();
  const count = (victim: (typeof victims)[number]) => {
    const onSchedule = sum(runs.map(({ scheduled }) => scheduled.get(victim) ?? 0));
    const atStates = sum(runs.map((run) => ofStates(run).filter((each) => each === victim).length));
    return { victim, onSchedule, atStates };
  };
  const rows = victims.map(count).filter(({ onSchedule, atStates }) => onSchedule + atStates > 0);
  const around = runs.flatMap(({ sbatch }) => sbatch);
  const dead = around.filter((fault) => fault.startsWith('coordinator dies')).length;
  const kills = sum(
    rows.map(({ victim, onSchedule, atStates }) => (killed.includes(victim) ? onSchedule + atStates : 0)),
  );
  const known: readonly string[] = attemptStates;
  const rank = (state: string) => (known.includes(state) ? known.indexOf(state) : known.length);
  const states = [...new Set(runs.flatMap((run) => [...run.atStates.keys()]))].sort(
    (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  );
  return {
    kills: kills + dead,
    lines: [
      '| attacked | on schedule | at a change of state |',
      '| --- | --- | --- |',
      ...rows.map(({ victim, onSchedule, atStates }) => `| ${victim} | ${onSchedule} | ${atStates} |`),
      ...[...new Set(around)].map(
        (fault) => `| ${fault} | ${around.filter((each) => each === fault).length} | |`,
      ),
      '',
      '| state just reached | attacked then |',
      '| --- | --- |',
      ...states.map((state) => {
        const hit = new Set(runs.flatMap((run) => run.atStates.get(state) ?? []));
        return `| ${state} | ${[...hit].join(', ') || 'nobody'} |`;
      }),
    ],
  };
}

/** Formats what came out, one row per repetition. */
export function outcomeLines(runs: readonly Chaos[]): string[] {
  return [
    '| repetition | calls of haet grade | jobs | attempts | how they ended | superseded | train stages | nodes resumed | decisions | seconds | wrong |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...runs.map(({ calls, resumed, decisions, seconds, outcome }, at) => {
      const { jobs, attempts, ran, ends, superseded, faults } = outcome;
      const ended = [...ends]
        .sort()
        .map(([end, count]) => `${count} ${end}`)
        .join(', ');
      return `| ${at + 1} | ${calls} | ${jobs} | ${attempts} | ${ended} | ${superseded} | ${ran} | ${resumed} | ${decisions} | ${seconds.toFixed(0)} | ${faults.length} |`;
    }),
  ];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
