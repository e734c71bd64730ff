import { existsSync } from 'node:fs';
import { z } from 'zod';
import { thinOut } from '../report/learningCurves.ts';
import { readEnd } from '../report/readEnd.ts';

/** What a learning curve is drawn over: the budget of the study. */
export type CurveAxis = 'seconds' | 'epochs';
export type CurveName = 'loss' | 'accuracy';

export interface Point {
  /** Seconds since the start of training, or passes over the training set. */
  readonly at: number;
  readonly value: number;
}

/** A line of progress.jsonl: the entry's progress line with its time of arrival. */
const lineSchema = z.looseObject({
  atSeconds: z.number(),
  epoch: z.number(),
  loss: z.number().optional(),
  accuracy: z.number().optional(),
});

const mostBytes = 32 * 2 ** 20;
const pointsPerCurve = 200;

/** Reads the learning curves of a run, thinned out; empty if it wrote no progress lines. Invalid lines are skipped. */
export async function readCurves(folder: string, axis: CurveAxis): Promise<Record<CurveName, Point[]>> {
  const curves: Record<CurveName, { atSeconds: number; value: number }[]> = { loss: [], accuracy: [] };
  // A run that the machine failed early has no folder.
  const found = existsSync(folder) ? await readEnd(folder, 'progress.jsonl', mostBytes) : null;
  for (const line of found?.tail.split('\n') ?? []) {
    const parsed = parseLine(line);
    for (const name of ['loss', 'accuracy'] as const) {
      const value = parsed?.[name];
      if (parsed === undefined || value === undefined) continue;
      curves[name].push({ atSeconds: axis === 'seconds' ? parsed.atSeconds : parsed.epoch, value });
    }
  }
  const thin = (name: CurveName) =>
    thinOut(curves[name], pointsPerCurve).map(({ atSeconds, value }) => ({ at: atSeconds, value }));
  return { loss: thin('loss'), accuracy: thin('accuracy') };
}

function parseLine(line: string) {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
