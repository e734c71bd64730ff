import { join } from 'node:path';
import * as Plot from '@observablehq/plot';
import { writePlot } from '../plot.ts';
import { groupsOf, type ScoredRun } from './scoredRun.ts';

/** Accuracy that the winning paper reports for ten minutes, percent of other images than ours. */
const PAPER = { accuracy: 88, text: 'the paper, ten minutes on a V100: 88' };

/** Writes accuracy.svg: a dot per run, and per entry a line through the means by seconds that training may take. */
export async function plotAccuracy(
  runs: readonly ScoredRun[],
  images: number,
  folder: string,
): Promise<void> {
  const rising = [...runs].sort((one, other) => one.trainSeconds - other.trainSeconds);
  const rows = rising.map(({ entry, trainSeconds, accuracy }) => ({
    entry,
    trainSeconds,
    percent: 100 * accuracy,
  }));
  const budgets = [...new Set(rows.map(({ trainSeconds }) => trainSeconds))];
  const means = groupsOf(rising).map(({ entry, trainSeconds, mean }) => ({
    entry,
    trainSeconds,
    percent: 100 * mean,
  }));
  await writePlot(join(folder, 'accuracy.svg'), `Accuracy on ${images} images by seconds of training`, {
    width: 640,
    height: 360,
    marginRight: 140,
    x: { label: 'seconds of training', type: 'log', ticks: budgets, tickFormat: String },
    y: { label: `accuracy on ${images.toLocaleString('en')} held-out images, %`, grid: true, nice: true },
    color: { scheme: 'Observable10' },
    marks: [
      Plot.ruleY([PAPER.accuracy], { stroke: '#a6a6a6', strokeDasharray: '4 3' }),
      Plot.text([PAPER], {
        y: 'accuracy',
        frameAnchor: 'left',
        text: 'text',
        dy: -7,
        dx: 4,
        textAnchor: 'start',
      }),
      Plot.lineY(means, { x: 'trainSeconds', y: 'percent', stroke: 'entry' }),
      Plot.dot(rows, { x: 'trainSeconds', y: 'percent', stroke: 'entry' }),
      Plot.text(
        means,
        Plot.selectLast({
          x: 'trainSeconds',
          y: 'percent',
          z: 'entry',
          text: 'entry',
          textAnchor: 'start',
          dx: 8,
        }),
      ),
    ],
  });
}
