import { z } from 'zod';
import { readEnd } from './readEnd.ts';

/** A line of progress.jsonl: the entry's progress line with its time of arrival. */
const pointSchema = z.looseObject({
  atSeconds: z.number(),
  loss: z.number().optional(),
  accuracy: z.number().optional(),
  imagesPerSecond: z.number().optional(),
});

export const curveNames = ['loss', 'accuracy', 'imagesPerSecond'] as const;
export type CurveName = (typeof curveNames)[number];
export type CurvePoint = { atSeconds: number; value: number };
export type LearningCurves = Record<CurveName, CurvePoint[]>;

/** Maximum bytes read of progress.jsonl. */
const mostBytes = 32 * 2 ** 20;

/** Points kept of one curve; a plot is narrower than this many pixels. */
const pointsPerCurve = 400;

/**
 * Reads the learning curves of progress.jsonl; empty if the file is missing. Invalid lines are skipped; many lines
 * are averaged per time slice to limit the report's size.
 */
export async function readLearningCurves(folder: string): Promise<LearningCurves> {
  const curves: LearningCurves = { loss: [], accuracy: [], imagesPerSecond: [] };
  const lines = await readEnd(folder, 'progress.jsonl', mostBytes);
  for (const line of lines?.tail.split('\n') ?? []) {
    const point = parsePoint(line);
    for (const name of curveNames) {
      const value = point?.[name];
      if (point && value !== undefined) curves[name].push({ atSeconds: point.atSeconds, value });
    }
  }
  for (const name of curveNames) curves[name] = thinOut(curves[name], pointsPerCurve);
  return curves;
}

function parsePoint(line: string) {
  try {
    return pointSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Averages neighbours in at most `limit` equal slices of time; returns few points unchanged. */
export function thinOut(points: CurvePoint[], limit: number): CurvePoint[] {
  if (points.length <= limit) return points;
  const first = points[0]!.atSeconds;
  const width = (points.at(-1)!.atSeconds - first) / limit || 1;
  const slices = new Map<number, CurvePoint[]>();
  for (const point of points) {
    const slice = Math.min(limit - 1, Math.max(0, Math.floor((point.atSeconds - first) / width)));
    const neighbours = slices.get(slice);
    if (neighbours) neighbours.push(point);
    else slices.set(slice, [point]);
  }
  const mean = (of: CurvePoint[], value: (point: CurvePoint) => number) =>
    of.reduce((sum, point) => sum + value(point) / of.length, 0);
  return [...slices.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, of]) => ({
      atSeconds: mean(of, (point) => point.atSeconds),
      value: mean(of, (point) => point.value),
    }));
}
