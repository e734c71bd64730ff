import { join } from 'node:path';
import * as Plot from '@observablehq/plot';
import { writePlot } from '../plot.ts';
import type { Measured } from './measureGrading.ts';

/** Writes grading-time.svg and grading-memory.svg: total time and peak memory of the coordinator by number of runs. */
export async function plotGrading(points: readonly Measured[], folder: string): Promise<void> {
  const rows = points.map(({ executor, runs, seconds, peakMemoryBytes }) => ({
    ...{ executor, runs, seconds },
    mebibytes: peakMemoryBytes / 2 ** 20,
  }));
  const charts = [
    { file: 'grading-time.svg', y: 'seconds', label: 'seconds in all' },
    { file: 'grading-memory.svg', y: 'mebibytes', label: 'peak memory of the coordinator (MiB)' },
  ] as const;
  for (const { file, y, label } of charts) {
    await writePlot(join(folder, file), `${label} by number of stub runs, on this machine and on Slurm`, {
      width: 330,
      height: 260,
      marginLeft: 46,
      marginRight: 50,
      x: { label: 'runs', domain: [0, Math.max(...rows.map(({ runs }) => runs))], ticks: 4 },
      y: { label, domain: [0, Math.max(...rows.map((row) => row[y]))], grid: true, nice: true },
      color: { domain: ['local', 'slurm'], range: ['#1f6f8b', '#f2a154'] },
      marks: [
        Plot.lineY(rows, { x: 'runs', y, stroke: 'executor', marker: 'dot' }),
        Plot.text(
          rows,
          Plot.selectLast({ x: 'runs', y, z: 'executor', text: 'executor', textAnchor: 'start', dx: 6 }),
        ),
        Plot.ruleY([0]),
      ],
    });
  }
}
