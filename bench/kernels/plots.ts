import { join } from 'node:path';
import * as Plot from '@observablehq/plot';
import { sideColors, writePlot } from '../plot.ts';
import { type Result, sides } from './result.ts';

/**
 * Writes a bar chart into a folder: kernels.svg, in GFLOP/s.
 *
 * @param where what the measurement was made on, for the description
 */
export async function plotKernels(results: readonly Result[], where: string, folder: string): Promise<void> {
  await bars(
    join(folder, 'kernels.svg'),
    'GFLOP/s',
    `GFLOP/s of the sums as they are written, ${where}; longer is faster`,
    results.flatMap((result) => bySide(result, result.gflops)),
  );
}

interface Bar {
  readonly group: string;
  readonly side: string;
  readonly value: number;
}

const bySide = ({ block, kernel }: Result, values: Result['milliseconds']): Bar[] =>
  sides.map((side) => ({ group: `${block}, ${kernel}`, side, value: values[side] }));

async function bars(file: string, unit: string, description: string, rows: Bar[]): Promise<void> {
  const groups = [...new Set(rows.map(({ group }) => group))];
  await writePlot(file, description, {
    width: 720,
    height: 70 + 46 * groups.length,
    marginLeft: 176,
    marginRight: 84,
    marginTop: 34,
    x: { label: unit, axis: 'top', grid: true, labelAnchor: 'left', labelArrow: 'none' },
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
