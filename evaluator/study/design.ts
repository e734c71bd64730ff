import type { Arm, StudySpec } from './spec.ts';

/** A sample of training images with a seed of training: what paired runs have in common. */
export interface Cell {
  readonly sample: number;
  readonly seed: number;
}

/** One run of a study. */
export interface StudyRun {
  readonly arm: Arm;
  readonly cell: Cell;
}

/**
 * Returns all pairs of sample and seed. Neighbours differ in both as far as there are as many of each, so that the
 * first runs of a search meet different images and different seeds.
 */
export function cellsOf({ samples, seeds }: Pick<StudySpec, 'samples' | 'seeds'>): Cell[] {
  return seeds.flatMap((_, turn) =>
    samples.map((sample, at) => ({ sample, seed: seeds[(at + turn) % seeds.length]! })),
  );
}

/**
 * Returns the runs of arms on cells in order: all arms on the first cell, then all on the next, each time another arm
 * first. Paired runs are neighbours in time, and no arm always runs at the same point, so that a machine whose speed
 * drifts favours none.
 * @param first number of the first of these cells in the study, from 0
 */
export function runsOf(arms: readonly Arm[], cells: readonly Cell[], first = 0): StudyRun[] {
  return cells.flatMap((cell, at) =>
    arms.map((_, turn) => ({ arm: arms[(turn + first + at) % arms.length]!, cell })),
  );
}
