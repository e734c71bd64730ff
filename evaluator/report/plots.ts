import * as Plot from '@observablehq/plot';
import { quantile } from 'simple-statistics';
import type { RunRecord, Score, ScoreDetails, StageRecord } from '../run/record.ts';
import { duration, percent } from './format.ts';
import type { CurvePoint } from './learningCurves.ts';
import { drawPlot } from './plot.ts';

/** Natural sizes in px: three small or two medium plots fit in a row, and both are readable on a phone. */
const small = { width: 330, height: 220 };
const medium = { width: 440, height: 300 };
const percentAxis = { percent: true, tickFormat: (value: number) => `${value}\u202f%` };

/** Draws a number with its 95 % interval on a scale from 0 to 100 %, next to the accuracy of guessing. */
export function accuracyPlot(score: Score, classes: number): string {
  const [low, high] = score.wilson95;
  const chance = 1 / classes;
  return drawPlot(
    `Accuracy ${percent(score.accuracy)}, 95 % interval from ${percent(low)} to ${percent(high)}`,
    {
      width: medium.width,
      height: 96,
      marginBottom: 30,
      marginLeft: 12,
      marginRight: 30,
      marginTop: 26,
      x: { ...percentAxis, domain: [0, 100], label: null, ticks: 6 },
      marks: [
        Plot.ruleY([0], { stroke: 'var(--line)', strokeWidth: 8, strokeLinecap: 'round', x1: 0, x2: 1 }),
        Plot.ruleY([0], {
          x1: 0,
          x2: score.accuracy,
          stroke: 'var(--tone)',
          strokeWidth: 8,
          strokeOpacity: 0.55,
          strokeLinecap: 'round',
        }),
        Plot.tickX([chance], { stroke: 'var(--soft)', strokeDasharray: '3 2' }),
        Plot.text([chance], { x: (at) => at, text: () => 'guessing', dy: -22, fill: 'var(--soft)' }),
        Plot.ruleY([0], { x1: low, x2: high, stroke: 'currentColor', strokeWidth: 2, marker: 'tick' }),
        Plot.dot([score.accuracy], { x: (at) => at, y: () => 0, fill: 'currentColor', r: 4 }),
      ],
      y: { axis: null, domain: [-1, 1] },
    },
  );
}

/**
 * Draws a learning curve over time. The vertical scale covers 99 % of the values, so that an outlier (an entry can
 * write anything) does not flatten the curve.
 */
export function curvePlot(
  name: string,
  points: CurvePoint[],
  deadline: number,
  options: { color: string; label: string; share?: boolean },
): string {
  const values = points.map((point) => point.value);
  const top = options.share ? 1 : quantile(values, 0.99) * 1.08;
  const floor = Math.min(0, quantile(values, 0.01));
  const last = points.at(-1)!;
  return drawPlot(`${name} over time; last value ${last.value} at ${duration(last.atSeconds)}`, {
    ...small,
    marginLeft: 46,
    x: {
      label: 'seconds',
      labelOffset: 40,
      domain: [0, Math.max(deadline, last.atSeconds)],
      nice: false,
      ticks: 6,
    },
    y: options.share
      ? { ...percentAxis, domain: [0, 100], label: options.label, grid: true, ticks: 5 }
      : {
          domain: [floor, top > floor ? top : floor + 1],
          label: options.label,
          grid: true,
          ticks: 5,
          tickFormat: 's',
        },
    marks: [
      Plot.ruleX([deadline], { stroke: 'var(--soft)', strokeDasharray: '4 3' }),
      points.length === 1
        ? Plot.dot(points, { x: 'atSeconds', y: 'value', fill: options.color })
        : Plot.lineY(points, {
            x: 'atSeconds',
            y: 'value',
            stroke: options.color,
            strokeWidth: 1.75,
            clip: true,
            curve: 'monotone-x',
          }),
      Plot.dot([last], { x: 'atSeconds', y: 'value', fill: options.color, r: 3.5, clip: true }),
    ],
  });
}

/** Accuracies with their 95 % intervals, one per row, with a common reference line. */
export interface IntervalRow {
  /** Short, and unique on the axis. */
  readonly label: string;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

/** Draws the accuracy of each class; the line is the accuracy over all classes. */
export function perClassPlot(rows: IntervalRow[], accuracy: number): string {
  return intervalPlot('Accuracy by class', rows, accuracy, [0, 1]);
}

/** Draws the accuracy of repeated runs around their mean, enlarged. */
export function seedsPlot(rows: IntervalRow[], mean: number): string {
  const lowest = Math.min(...rows.map((row) => row.low));
  const highest = Math.max(...rows.map((row) => row.high));
  const margin = 0.15 * (highest - lowest);
  const range: [number, number] = [Math.max(0, lowest - margin), Math.min(1, highest + margin)];
  return intervalPlot(`Accuracy by run, mean ${percent(mean)}`, rows, mean, range);
}

function intervalPlot(
  what: string,
  rows: IntervalRow[],
  reference: number,
  [from, to]: [number, number],
): string {
  const longestLabel = Math.max(...rows.map((row) => row.label.length));
  return drawPlot(`${what}: ${rows.map((row) => `${row.label} ${percent(row.accuracy)}`).join(', ')}`, {
    width: medium.width,
    height: 50 + 34 * rows.length,
    marginBottom: 30,
    marginLeft: 20 + 7.2 * longestLabel,
    marginRight: 54,
    x: { ...percentAxis, domain: [100 * from, 100 * to], label: null, grid: true, ticks: 5 },
    y: { label: null, domain: rows.map((row) => row.label), tickSize: 0 },
    marks: [
      Plot.ruleX([reference], { stroke: 'var(--soft)', strokeDasharray: '4 3' }),
      Plot.ruleY(rows, {
        y: 'label',
        x1: 'low',
        x2: 'high',
        stroke: 'var(--accent)',
        strokeWidth: 2,
        marker: 'tick',
      }),
      Plot.dot(rows, { y: 'label', x: 'accuracy', fill: 'var(--accent)', r: 4.5 }),
      Plot.text(rows, {
        y: 'label',
        text: (row: IntervalRow) => percent(row.accuracy),
        frameAnchor: 'right',
        textAnchor: 'end',
        dx: 52,
        fill: 'currentColor',
      }),
    ],
  });
}

/** Returns the frame of a plot whose horizontal axis is the confidence of a prediction. */
const overConfidence: Plot.PlotOptions = {
  width: medium.width,
  height: 320,
  marginLeft: 52,
  marginRight: 24,
  x: {
    ...percentAxis,
    domain: [0, 100],
    label: 'confidence →',
    labelAnchor: 'right',
    labelOffset: 40,
    ticks: 6,
  },
};

/** Draws confidence against accuracy: points on the diagonal are calibrated, points below it are overconfident. */
export function calibrationPlot(calibration: ScoreDetails['calibration']): string {
  const bins = calibration.bins.filter((bin) => bin.count > 0);
  return drawPlot(
    `Calibration: ${bins.map((bin) => `at confidence ${percent(bin.confidence, 0)} accuracy ${percent(bin.accuracy, 0)}`).join(', ')}`,
    {
      ...overConfidence,
      y: { ...percentAxis, domain: [0, 100], label: '↑ accuracy', grid: true, ticks: 6 },
      marks: [
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: 'var(--soft)', strokeDasharray: '4 3' },
        ),
        Plot.ruleX(bins, {
          x: 'confidence',
          y1: 'confidence',
          y2: 'accuracy',
          stroke: 'var(--warm)',
          strokeWidth: 2,
        }),
        Plot.line(bins, { x: 'confidence', y: 'accuracy', stroke: 'var(--accent)', strokeOpacity: 0.5 }),
        Plot.dot(bins, {
          x: 'confidence',
          y: 'accuracy',
          r: 4.5,
          fill: 'var(--accent)',
        }),
      ],
    },
  );
}

/** Draws the number of images by confidence. */
export function confidencePlot(calibration: ScoreDetails['calibration']): string {
  const width = 1 / calibration.bins.length;
  const bars = calibration.bins.map((bin, at) => ({
    from: at * width,
    to: (at + 1) * width,
    count: bin.count,
  }));
  return drawPlot(
    `Images by confidence: ${bars.map((bar) => `${percent(bar.from, 0)} to ${percent(bar.to, 0)}: ${bar.count}`).join(', ')}`,
    {
      ...overConfidence,
      y: {
        label: '↑ images',
        grid: true,
        ticks: 6,
        domain: [0, Math.max(1, ...bars.map((bar) => bar.count))],
      },
      marks: [
        Plot.rectY(bars, {
          x1: 'from',
          x2: 'to',
          y: 'count',
          fill: 'var(--accent)',
          fillOpacity: 0.8,
          inset: 1,
        }),
        Plot.ruleY([0], { stroke: 'var(--line)' }),
      ],
    },
  );
}

interface StageSpan {
  readonly stage: StageRecord['stage'];
  readonly from: number;
  readonly to: number;
  readonly deadline: number;
  readonly label: string;
}

/**
 * Draws the stages on one clock that starts with the first: time used over time allowed, with the deadline as a mark.
 */
export function timelinePlot(stages: StageRecord[]): string {
  const start = Math.min(...stages.map((stage) => Date.parse(stage.startedAt)));
  const spans: StageSpan[] = stages.map((stage) => {
    const from = (Date.parse(stage.startedAt) - start) / 1000;
    return {
      stage: stage.stage,
      from,
      to: from + stage.seconds,
      deadline: from + stage.limitSeconds,
      label:
        stage.ended === 'deadline' && stage.kill
          ? `stopped ${stage.kill.overshootMs.toFixed(0)} ms after the deadline of ${duration(stage.limitSeconds)}`
          : `${duration(stage.seconds)} of ${duration(stage.limitSeconds)}`,
    };
  });
  const end = Math.max(...spans.flatMap((span) => [span.to, span.deadline]));
  const alignLeft = (span: StageSpan) => span.from < end / 2;
  const labelled = (side: boolean) => ({
    y: 'stage',
    x: (span: StageSpan) => (side ? span.from : Math.max(span.to, span.deadline)),
    text: 'label',
    textAnchor: side ? ('start' as const) : ('end' as const),
    filter: (span: StageSpan) => alignLeft(span) === side,
    dy: -21,
    fill: 'currentColor',
  });
  return drawPlot(`Timeline: ${spans.map((span) => `${span.stage} ${span.label}`).join('; ')}`, {
    width: 1040,
    height: 62 + 58 * spans.length,
    marginLeft: 96,
    marginRight: 20,
    marginTop: 12,
    x: { label: 'seconds since the first stage began', labelOffset: 40, domain: [0, end], nice: false },
    y: { label: null, domain: spans.map((span) => span.stage), padding: 0.55, tickSize: 0 },
    marks: [
      Plot.barX(spans, {
        y: 'stage',
        x1: 'from',
        x2: 'deadline',
        fill: 'var(--line)',
        fillOpacity: 0.6,
        rx: 3,
      }),
      Plot.barX(spans, { y: 'stage', x1: 'from', x2: 'to', fill: 'var(--accent)', rx: 3 }),
      Plot.tickX(spans, { y: 'stage', x: 'deadline', stroke: 'var(--warm)', strokeWidth: 2.5 }),
      Plot.text(spans, labelled(true)),
      Plot.text(spans, labelled(false)),
    ],
  });
}

/** Draws CPU cores in use over the stages, one after the other, and the limit. */
export function cpuPlot(record: RunRecord): string {
  return usagePlot(record, {
    description: 'CPU cores kept busy over time',
    label: '↑ cores',
    color: 'var(--accent)',
    limit: record.limits.cpus,
    value: (sample) => sample.cpuCores,
  });
}

/** Draws resident memory over the stages, in GiB, and the limit if it is close enough to be shown. */
export function memoryPlot(record: RunRecord): string {
  return usagePlot(record, {
    description: 'Resident memory over time, GiB',
    label: '↑ GiB',
    color: 'var(--memory)',
    limit: record.limits.memoryBytes / 2 ** 30,
    value: (sample) => sample.memoryBytes / 2 ** 30,
  });
}

interface UsageOptions {
  readonly description: string;
  readonly label: string;
  readonly color: string;
  readonly limit: number;
  readonly value: (sample: StageRecord['usage'][number]) => number;
}

function usagePlot(record: RunRecord, { description, label, color, limit, value }: UsageOptions): string {
  const start = Math.min(...record.stages.map((stage) => Date.parse(stage.startedAt)));
  const samples = record.stages.flatMap((stage) =>
    stage.usage.map((sample) => ({
      stage: stage.stage,
      at: (Date.parse(stage.startedAt) - start) / 1000 + sample.atSeconds,
      value: value(sample),
    })),
  );
  const highest = Math.max(0, ...samples.map((sample) => sample.value));
  const showLimit = limit <= highest * 2.5;
  return drawPlot(`${description}; highest ${highest.toFixed(2)}`, {
    ...medium,
    height: 220,
    marginLeft: 46,
    x: {
      label: 'seconds',
      labelOffset: 40,
      domain: [0, Math.max(1, ...samples.map((sample) => sample.at))],
      nice: false,
    },
    y: { label, domain: [0, 1.08 * Math.max(showLimit ? limit : 0, highest) || 1], grid: true, ticks: 5 },
    marks: [
      Plot.areaY(samples, { x: 'at', y: 'value', z: 'stage', fill: color, fillOpacity: 0.22 }),
      Plot.lineY(samples, { x: 'at', y: 'value', z: 'stage', stroke: color, strokeWidth: 1.5 }),
      ...(showLimit
        ? [
            Plot.ruleY([limit], { stroke: 'var(--soft)', strokeDasharray: '4 3' }),
            Plot.text([limit], {
              y: (at) => at,
              text: () => 'limit',
              frameAnchor: 'right',
              dy: -8,
              dx: -2,
              fill: 'var(--soft)',
            }),
          ]
        : []),
    ],
  });
}
