import { join } from 'node:path';
import * as Plot from '@observablehq/plot';
import { sideColors, writePlot } from '../plot.ts';

/** Images per second of both sides at one value of the varied quantity. */
export interface Point {
  readonly axis: 'batch' | 'width' | 'threads';
  readonly value: number;
  readonly ours: number;
  readonly peer: number;
}

/** Writes one plot per varied quantity: scaling-batch.svg, scaling-width.svg, scaling-threads.svg. */
export async function plotScaling(points: readonly Point[], folder: string): Promise<void> {
  for (const axis of new Set(points.map((point) => point.axis))) {
    const rows = points
      .filter((point) => point.axis === axis)
      .flatMap(({ value, ours, peer }) => [
        { value, side: 'native', rate: ours },
        { value, side: 'PyTorch', rate: peer },
      ]);
    const values = [...new Set(rows.map(({ value }) => value))];
    await writePlot(join(folder, `scaling-${axis}.svg`), `Images per second by ${axis}, ours and PyTorch's`, {
      width: 330,
      height: 260,
      marginLeft: 46,
      marginRight: 60,
      x: {
        label: axis === 'batch' ? 'images per step' : axis,
        type: axis === 'width' ? 'linear' : 'log',
        ticks: values,
        tickFormat: String,
      },
      y: {
        label: 'images per second',
        domain: [0, Math.max(...rows.map(({ rate }) => rate))],
        grid: true,
        nice: true,
      },
      color: sideColors,
      marks: [
        Plot.lineY(rows, { x: 'value', y: 'rate', stroke: 'side', marker: 'dot' }),
        Plot.text(
          rows,
          Plot.selectLast({ x: 'value', y: 'rate', z: 'side', text: 'side', textAnchor: 'start', dx: 6 }),
        ),
        Plot.ruleY([0]),
      ],
    });
  }
}
