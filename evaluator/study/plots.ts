import * as Plot from '@observablehq/plot';
import { standalonePlot } from '../report/plot.ts';
import type { CurveAxis, CurveName, Point } from './readCurves.ts';
import type { ArmRow } from './table.ts';

const width = 640;
const rowHeight = 34;
const marginLeft = (names: readonly string[]) => 20 + 7.2 * Math.max(...names.map((name) => name.length));
const color = '#1f6f8b';

/** The accuracy of one run, a fraction of 1. */
export interface RunPoint {
  readonly arm: string;
  readonly accuracy: number;
}

/** Draws the mean accuracy of every arm with its 95 % interval, and its runs. Arms without an accuracy are left empty. */
export function accuracyByArm(rows: readonly ArmRow[], runs: readonly RunPoint[]): string {
  const means = rows.flatMap(({ arm, accuracy }) => (accuracy === null ? [] : [{ arm, ...accuracy }]));
  return armPlot(
    `Accuracy by arm: ${means.map(({ arm, mean }) => `${arm} ${(100 * mean).toFixed(2)} %`).join(', ')}`,
    'accuracy in per cent →',
    rows,
    [
      Plot.dot(runs, { y: 'arm', x: ({ accuracy }) => 100 * accuracy, r: 2.5, fill: '#a6a6a6' }),
      ...meansWithIntervals(
        means.map((each) => ({
          ...each,
          mean95: each.mean95 && [clamp(each.mean95[0]), clamp(each.mean95[1])],
        })),
      ),
    ],
  );
}

/** An interval by Student's t over few runs can reach beyond what an accuracy can be. */
const clamp = (accuracy: number): number => Math.min(1, Math.max(0, accuracy));

/** Draws the paired differences to the baseline with their 95 % intervals, in percentage points. */
export function differenceByArm(rows: readonly ArmRow[], baseline: string): string {
  const compared = rows.filter(({ isBaseline }) => !isBaseline);
  const means = compared.flatMap(({ arm, difference }) =>
    difference === null ? [] : [{ arm, ...difference }],
  );
  return armPlot(
    `Difference to ${baseline} in percentage points: ${means.map(({ arm, mean }) => `${arm} ${(100 * mean).toFixed(2)}`).join(', ')}`,
    `difference to ${baseline}, percentage points →`,
    compared,
    [Plot.ruleX([0], { strokeDasharray: '4 3' }), ...meansWithIntervals(means)],
  );
}

interface MeanPoint {
  readonly arm: string;
  readonly mean: number;
  readonly mean95: readonly [number, number] | null;
}

function meansWithIntervals(means: readonly MeanPoint[]): Plot.Markish[] {
  const intervals = means.flatMap(({ arm, mean95 }) =>
    mean95 === null ? [] : [{ arm, low: 100 * mean95[0], high: 100 * mean95[1] }],
  );
  return [
    Plot.ruleY(intervals, { y: 'arm', x1: 'low', x2: 'high', stroke: color, strokeWidth: 2, marker: 'tick' }),
    Plot.dot(means, { y: 'arm', x: ({ mean }) => 100 * mean, r: 4.5, fill: color }),
  ];
}

function armPlot(
  description: string,
  label: string,
  rows: readonly ArmRow[],
  marks: readonly Plot.Markish[],
): string {
  const names = rows.map(({ arm }) => arm);
  return standalonePlot(description, {
    width,
    height: 70 + rowHeight * names.length,
    marginLeft: marginLeft(names),
    marginRight: 24,
    x: { label, labelAnchor: 'center', grid: true, nice: true, ticks: 6 },
    y: { label: null, domain: names, tickSize: 0 },
    marks: [...marks],
  });
}

/** The learning curve of one run. */
export interface RunCurve {
  readonly arm: string;
  readonly run: string;
  readonly points: readonly Point[];
}

/** Draws the learning curves of all runs, one colour per arm. @param what of training */
export function curvesByArm(curves: readonly RunCurve[], what: CurveName, axis: CurveAxis): string {
  const factor = what === 'accuracy' ? 100 : 1;
  const points = curves.flatMap(({ arm, run, points }) =>
    points.map(({ at, value }) => ({ arm, run, at, value: factor * value })),
  );
  return standalonePlot(`Training ${what} over ${axis}, one line per run, one colour per arm`, {
    width,
    height: 380,
    marginLeft: 52,
    color: { domain: [...new Set(curves.map(({ arm }) => arm))], legend: false, scheme: 'Tableau10' },
    x: { label: `${axis} →`, grid: true },
    y: { label: what === 'accuracy' ? '↑ training accuracy, %' : '↑ training loss', grid: true },
    marks: [
      Plot.line(points, {
        x: 'at',
        y: 'value',
        z: 'run',
        stroke: 'arm',
        strokeOpacity: 0.7,
        strokeWidth: 1.25,
      }),
      Plot.text(
        lastOfEachArm(curves).map((each) => ({ ...each, value: factor * each.value })),
        { x: 'at', y: 'value', text: 'arm', fill: 'arm', textAnchor: 'start', dx: 6 },
      ),
    ],
    marginRight: 16 + marginLeft(curves.map(({ arm }) => arm)),
  });
}

/** Returns the last point of the first curve of each arm, where its name is written. */
function lastOfEachArm(curves: readonly RunCurve[]) {
  const arms = [...new Set(curves.map(({ arm }) => arm))];
  return arms.map((arm) => ({ arm, ...curves.find((each) => each.arm === arm)!.points.at(-1)! }));
}
