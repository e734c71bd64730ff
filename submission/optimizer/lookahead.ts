import type { Engine } from '../engine/engine.ts';
import { tf } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';
import type { Settings } from '../settings.ts';
import { replace } from './sgd.ts';
import { averageInto } from './weightAveraging.ts';

/**
 * Returns the decay of the slow weights per update: that of an average over the steps between two updates, times the
 * cube of the elapsed share of the budget, so that training moves fast at first and averages at the end (airbench).
 */
export function lookaheadDecay(
  fraction: number,
  { lookaheadDecay: perStep, lookaheadEvery }: Pick<Settings, 'lookaheadDecay' | 'lookaheadEvery'>,
): number {
  return perStep ** lookaheadEvery * fraction ** 3;
}

/** Slow weights that follow the trained ones, which then continue from them (Zhang et al. 2019, arXiv 1907.08610). */
export interface Lookahead {
  /** Moves the slow weights towards `weights` and replaces `weights` by them. */
  update(weights: Weights, decay: number): void;
  dispose(): void;
}

/** Creates slow weights that start from the given ones. */
export function createLookahead(engine: Engine, weights: Weights): Lookahead {
  const slow: Weights = Object.fromEntries(
    Object.entries(weights).map(([name, weight]) => [name, tf.keep(weight.clone())]),
  );
  return {
    update(weights, decay) {
      averageInto(engine, slow, weights, decay);
      for (const [name, weight] of Object.entries(slow)) replace(weights, name, weight.clone());
    },
    dispose: () => tf.dispose(slow as never),
  };
}

/** @throws Error if a setting is out of range */
export function requireLookahead({
  lookaheadEvery,
  lookaheadDecay,
}: Pick<Settings, 'lookaheadEvery' | 'lookaheadDecay'>): void {
  if (!Number.isInteger(lookaheadEvery) || lookaheadEvery < 0)
    throw new Error(`--set lookaheadEvery=${lookaheadEvery}: must be 0 (off) or a positive integer.`);
  if (lookaheadDecay < 0 || lookaheadDecay > 1)
    throw new Error(`--set lookaheadDecay=${lookaheadDecay}: must be from 0 to 1.`);
}
