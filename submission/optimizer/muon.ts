import type { Engine, UpdateOptions } from '../engine/engine.ts';
import type { Weights } from '../model/resnet9.ts';
import { replace } from './sgd.ts';

export interface MuonSettings extends Omit<UpdateOptions, 'momentum'> {
  readonly muonMomentum: number;
  readonly muonWeightDecay: number;
  readonly muonIterations: number;
}

/** Returns whether Muon updates a weight: the 3x3 filters. */
export const isFilter = (name: string): boolean => name.endsWith('.filter');

/**
 * Makes one step of Muon in place, see `Engine.muonStep`. Disposes of replaced tensors; the caller keeps `gradients`.
 *
 * @param names of the filters to update
 */
export function muonStep(
  engine: Engine,
  weights: Weights,
  velocity: Weights,
  gradients: Weights,
  names: readonly string[],
  rate: number,
  settings: MuonSettings,
): void {
  const updated = engine.muonStep(
    names.map((name) => ({
      weight: weights[name]!,
      velocity: velocity[name]!,
      gradient: gradients[name]!,
      rate,
      decay: settings.muonWeightDecay,
    })),
    {
      momentum: settings.muonMomentum,
      gradientCentralization: settings.gradientCentralization,
      iterations: settings.muonIterations,
    },
  );
  for (const [index, name] of names.entries()) {
    replace(weights, name, updated.weights[index]!);
    replace(velocity, name, updated.velocities[index]!);
  }
}
