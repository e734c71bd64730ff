/**
 * The recipe. Every value can be set for one run by `--set name=value` after `train` (for instance
 * `haet dry-run --entry-arg --set --entry-arg width=0.5`); the values used are kept in the model's settings.json.
 */
export const defaultSettings = {
  // Model
  width: 0, //                  channels as a multiple of 64-128-256-512; 0 = the best in the budget, see plan/planRun.ts
  celuAlpha: 0.3, //            alpha of celu (Page: 0.3 with the batch norm's scale fixed at 1)
  logitScale: 1 / 16, //        factor of the logits (Page: 1/16)
  whiteningEpsilon: 1e-2, //    added to the eigenvalues of the patch covariance (Page: 1e-2)
  mirrorFilters: true, //       half of the channels mirror the other half, so half of the weights: model/mirror.ts
  diracInit: false, //          the first channels of each filter start as copies of its inputs (airbench)
  precision: 'auto', //         'bfloat16', 'float32', or 'auto': see pathsFor in hardware.ts
  engine: 'auto', //            'native' (fastest of our ops) or one of its variants such as 'native-avx2', 'stock', 'auto'

  // Data
  batchSize: 128, //            images per step: Muon costs per step, and bears large batches
  cropPadding: 4, //            pixels of reflected border, for random crops
  cutoutSize: 0, //             edge of the greyed square, pixels; 0 = off; not together with CutMix
  cutmixFromEpochs: 25, //      expected epochs up to which CutMix is off (with SGD it cost 2.2 points)
  cutmixFullEpochs: 40, //      from which its share is the next line's (+0.5 at 48); linear in between
  cutmixProbability: 0.5, //    share of batches with CutMix (0.15 points better than all)
  cutmixUntil: 0.9, //          fraction of the budget after which CutMix is off
  distortFromEpochs: 10, //     expected epochs up to which images are not distorted (-0.4 at 9: undecided)
  distortFullEpochs: 20, //     from which the share is the next line's (+1.0 at 24); linear in between
  distortProbability: 0.5, //   share of images that are rotated, zoomed and sheared, and share that is recoloured (+0.4 at 66)
  distortRotation: 15, //       degrees, at most, either way
  distortZoom: 0.25, //         zoom from 1 / (1 + this) to 1 + this
  distortShear: 0.2, //         pixels along x per pixel along y, at most
  distortGain: 0.2, //          factor of a normalised channel, 1 - this to 1 + this
  distortShift: 0.15, //        added to a normalised channel, at most
  distortMethod: 'affine', //   'affine' as above, or 'trivial': one random operation of trivialAugment.ts
  trivialStrength: 1, //        strength of such an operation, at most; 1 = the ranges of RandAugment, up to 2
  distortUntil: 0.9, //         fraction of the budget after which images are not distorted

  // Optimizer
  peakLearningRate: 0.5, //     of SGD, of the mean loss
  finalLearningRate: 0, //      fraction of the peak at the end
  warmUp: 0.2, //               fraction of the budget until the peak
  momentum: 0.9, //             Nesterov
  weightDecay: 5e-4, //         added to the gradient as decay * weight
  offsetRateFactor: 4, //       learning rate of batch norm offsets, relative to filters (one run with 16 diverged)
  offsetDecayFactor: 4, //      weight decay of batch norm offsets, relative to filters
  labelSmoothing: 0.1, //       probability spread evenly over the classes (Szegedy et al. 2016)
  gradientCentralization: true, // Yong et al. 2020

  // Muon
  optimizer: 'muon', //         'muon' for the 3x3 filters, with SGD for all other weights, or 'sgd' for all
  muonLearningRate: 0.05, //    peak, as an angle by which a filter turns per step if muonWeightDecay is 0
  muonMomentum: 0.9, //         Nesterov (airbench: 0.6 with batches of 2,000)
  muonWeightDecay: 0, //        decoupled, times the rate; 0 = filters are scaled to a fixed norm in place of it (airbench)
  muonIterations: 5, //         of Newton-Schulz per step (airbench: 3, which costs half)

  // Sharpness-aware minimisation
  samRadius: 0.05, //           radius of the perturbation
  samEvery: 0, //               every k-th step; 0 = off
  samFrom: 0, //                fraction of the budget from which it is on

  // Meta-learning based training
  metaStep: 0, //               learning rate of the look-ahead step; 0 = off
  metaWeight: 0.5, //           weight of the second batch's gradient

  // Weight averaging
  averageHorizon: 0.02, //      horizon of the average as a fraction of the budget; 0 = off
  averageEvery: 5, //           steps between updates of the averages, each a pass over all weights (Page: 5)
  lookaheadEvery: 0, //         steps between updates of lookahead's slow weights; 0 = off (airbench: 5)
  lookaheadDecay: 0.95, //      their decay per step at the end of the budget; it rises with the cube of the time
  statisticsMomentum: 0.2, //   weight of a new batch in the running batch norm statistics

  // Predictions
  testShift: 3, //              test-time views are shifted by up to so many pixels; fewer if the next line says so
  predictSeconds: 30, //        time that 1,000 images may take by the speed of training (contest: 60), at most a tenth of the budget

  // Budget
  trainEpochs: 0, //            passes over the training set, with a given width; 0 = as many as the time allows
  saveEverySeconds: 15,
};

export type Settings = typeof defaultSettings;

/**
 * Applies `name=value` overrides.
 *
 * @throws Error that names the override and the valid values
 */
export function withOverrides(settings: Settings, words: readonly string[]): Settings {
  const overridden: Record<string, unknown> = { ...settings };
  for (const word of words) {
    const [name = '', text = ''] = word.split(/=(.*)/s);
    const present = overridden[name];
    if (present === undefined) {
      throw new Error(
        `--set ${word}: unknown setting "${name}". Settings: ${Object.keys(settings).join(', ')}.`,
      );
    }
    overridden[name] = parse(word, text, present);
  }
  return overridden as Settings;
}

function parse(word: string, text: string, present: unknown): unknown {
  if (typeof present === 'string') return text;
  if (typeof present === 'boolean') {
    if (text !== 'true' && text !== 'false') throw new Error(`--set ${word}: must be true or false.`);
    return text === 'true';
  }
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new Error(`--set ${word}: must be a number.`);
  return value;
}
