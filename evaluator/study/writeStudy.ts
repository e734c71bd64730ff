import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { accuracyByArm, curvesByArm, differenceByArm, type RunCurve } from './plots.ts';
import { type CurveAxis, type CurveName, type Point, readCurves } from './readCurves.ts';
import type { StudyResult } from './runStudy.ts';
import { formatRunsCsv, formatStudy, formatStudyCsv } from './studyText.ts';
import { type ArmRow, tableOf } from './table.ts';

export const studyFiles = { page: 'study.md', arms: 'study.csv', runs: 'runs.csv' } as const;

/** A drawing of a study. */
interface StudyPlot {
  readonly file: string;
  readonly description: string;
  /** SVG; null if there is nothing to draw. */
  readonly svg: string | null;
}

/**
 * Writes study.md, study.csv, runs.csv and the plots into the out folder of a study, each atomically.
 * @returns the table
 */
export async function writeStudy(outFolder: string, result: StudyResult): Promise<ArmRow[]> {
  const rows = tableOf(result);
  const plots = await drawPlots(result, rows);
  const drawn = plots.filter(({ svg }) => svg !== null);
  for (const { file, svg } of plots) {
    if (svg === null) await rm(join(outFolder, file), { force: true });
    else await replaceFile(join(outFolder, file), svg);
  }
  await writeTexts(outFolder, result, rows, drawn);
  return rows;
}

/** Writes the same of a study that goes on, without plots, which take longer. */
export async function writeStudySoFar(outFolder: string, result: StudyResult): Promise<void> {
  await writeTexts(outFolder, result, tableOf(result), []);
}

async function writeTexts(
  outFolder: string,
  result: StudyResult,
  rows: readonly ArmRow[],
  plots: readonly StudyPlot[],
): Promise<void> {
  await replaceFile(join(outFolder, studyFiles.runs), formatRunsCsv(result));
  await replaceFile(join(outFolder, studyFiles.arms), formatStudyCsv(rows));
  await replaceFile(join(outFolder, studyFiles.page), formatStudy(result, rows, plots));
}

async function drawPlots(result: StudyResult, rows: readonly ArmRow[]): Promise<StudyPlot[]> {
  const { spec, outcomes } = result;
  const runs = outcomes.flatMap(({ arm, accuracy }) => (accuracy === null ? [] : [{ arm, accuracy }]));
  const hasDifferences = rows.some(({ difference }) => difference !== null);
  const axis = spec.budget.kind === 'seconds' ? 'seconds' : 'epochs';
  const curves = await readAll(result, axis);
  const what = (['loss', 'accuracy'] as const).find((name) =>
    curves.some((each) => each.curves[name].length > 0),
  );
  return [
    {
      file: 'accuracy.svg',
      description: 'Accuracy by arm',
      svg: runs.length === 0 ? null : accuracyByArm(rows, runs),
    },
    {
      file: 'difference.svg',
      description: 'Paired difference to the baseline by arm',
      svg: hasDifferences ? differenceByArm(rows, spec.baseline) : null,
    },
    {
      file: 'curves.svg',
      description: 'Learning curves of all runs',
      svg: what === undefined ? null : curvesByArm(namedCurves(curves, what), what, axis),
    },
  ];
}

interface CurvesOfRun extends Pick<RunCurve, 'arm' | 'run'> {
  readonly curves: Record<CurveName, Point[]>;
}

async function readAll({ outcomes }: StudyResult, axis: CurveAxis): Promise<CurvesOfRun[]> {
  return Promise.all(
    outcomes.map(async ({ arm, record: { folder } }) => ({
      arm,
      run: basename(folder),
      curves: await readCurves(folder, axis),
    })),
  );
}

function namedCurves(all: readonly CurvesOfRun[], what: CurveName): RunCurve[] {
  return all.flatMap(({ arm, run, curves }) =>
    curves[what].length === 0 ? [] : [{ arm, run, points: curves[what] }],
  );
}
