import { join } from 'node:path';
import * as Plot from '@observablehq/plot';
import { sideColors, writePlot } from '../plot.ts';
import { type Result, sides } from './result.ts';

interface Bar {
  readonly group: string;
  readonly side: string;
  readonly value: number;
}

/**
 * Writes a bar chart into a folder: kernels.svg, in GFLOP/s.
 *
 * @param where machine and settings of the measurement, for the description
 */
export async function plotKernels(results: readonly Result[], where: string, folder: string): Promise<void> {
  const rows: Bar[] = results.flatMap(({ block, kernel, gflops }) =>
    sides.map((side) => ({ group: `${block}, ${kernel}`, side, value: gflops[side] })),
  );
  const groups = [...new Set(rows.map(({ group }) => group))];
  const description = `GFLOP/s, counted as direct convolution, ${where}; longer is faster`;
  await writePlot(join(folder, 'kernels.svg'), description, {
    width: 720,
    height: 70 + 46 * groups.length,
    marginLeft: 176,
    marginRight: 84,
    marginTop: 34,
    x: { label: 'GFLOP/s', axis: 'top', grid: true, labelAnchor: 'left', labelArrow: 'none' },
    y: { domain: sides, axis: null, padding: 0.05 },
    fy: { domain: groups, label: null, padding: 0.2 },
    color: sideColors,
    marks: [
      Plot.barX(rows, { x: 'value', y: 'side', fy: 'group', fill: 'side' }),
      Plot.text(rows, {
        x: 'value',
        y: 'side',
        fy: 'group',
        text: ({ side, value }: Bar) => `${value.toFixed(value < 10 ? 1 : 0)} ${side}`,
        textAnchor: 'start',
        dx: 3,
        fontSize: 9,
      }),
      Plot.ruleX([0]),
    ],
  });
}
