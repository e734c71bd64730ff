import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PlotOptions } from '@observablehq/plot';
import { standalonePlot } from '../evaluator/report/plot.ts';

/** Colours of the sides in plots of speed: ours, and the peers'. */
export const sideColors = {
  domain: ['native', 'TensorFlow', 'PyTorch'],
  range: ['#1f6f8b', '#f2a154', '#a6a6a6'],
};

/** Writes a plot as a self-contained SVG file on white, for pages that show it as an image. */
export async function writePlot(file: string, description: string, options: PlotOptions): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, standalonePlot(description, options));
  process.stderr.write(`${file}\n`);
}
