import type { HostBatch } from './augment.ts';
import { type Tensor, tf } from './engine/tensorflow.ts';
import { OCCURRENCES } from './model/mirror.ts';
import {
  gradientsOfStored,
  type Network,
  networkWeights,
  type Statistics,
  trainingLogits,
  type Weights,
} from './model/resnet9.ts';
import type { Batch, Evaluate, Evaluation } from './optimizer/gradient.ts';
import { createLookahead, lookaheadDecay } from './optimizer/lookahead.ts';
import { metaLearningEvaluation } from './optimizer/metaLearning.ts';
import { isFilter, muonStep } from './optimizer/muon.ts';
import { samEvaluation } from './optimizer/sam.ts';
import { initialMomentum, sgdStep } from './optimizer/sgd.ts';
import { averageStatisticsInto } from './optimizer/weightAveraging.ts';
import { learningRate, usesSam } from './schedule.ts';
import type { Settings } from './settings.ts';

/** A network under training. */
export interface Trainer {
  readonly weights: Weights;
  readonly statistics: Statistics;
  /**
   * Updates the weights once.
   *
   * @param fraction elapsed share of the budget
   * @returns loss and accuracy of the batch, read from the device
   */
  step(fraction: number): StepResult;
  dispose(): void;
}

export interface StepResult {
  readonly loss: number;
  /** Share of the batch's images whose largest logit is their (larger) class, 0 to 1. */
  readonly accuracy: number;
  /** Images in the gradient. */
  readonly images: number;
}

export function createTrainer(
  network: Network,
  weights: Weights,
  statistics: Statistics,
  nextBatch: (fraction: number) => HostBatch,
  settings: Settings,
): Trainer {
  const { engine } = network;
  const { classes, mirrorFilters } = network.architecture;
  const occurrences = mirrorFilters ? OCCURRENCES : 1;
  // A stored weight that moves by r moves the network's weights by r sqrt(occurrences).
  const samRadius = settings.samRadius / Math.sqrt(occurrences);
  const velocity = initialMomentum(weights);
  const byMuon = Object.keys(weights).filter((name) => settings.optimizer === 'muon' && isFilter(name));
  const bySgd = Object.keys(weights).filter((name) => !byMuon.includes(name));
  const lookahead = settings.lookaheadEvery > 0 ? createLookahead(engine, weights) : null;
  let steps = 0;

  const evaluate: Evaluate = (at, batch, recordsStatistics) => {
    const weights = networkWeights(network, at);
    const names = Object.keys(weights);
    const records = recordsStatistics && steps % settings.averageEvery === 0;
    const recorded: Statistics = {};
    let logits: Tensor | undefined;
    const lossAt = (...tensors: Tensor[]) => {
      const named = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
      const output = trainingLogits(
        network,
        named,
        batch.images,
        records ? (block, seen) => (recorded[block] = seen) : null,
      );
      logits = tf.keep(output.clone());
      const loss = engine.softmaxCrossEntropy(output, batch.targets);
      // Gradients are means over the occurrences of a stored weight.
      return occurrences === 1 ? loss : tf.div(loss, occurrences);
    };
    const { value, grads } = tf.valueAndGrads(lossAt as never)(names.map((name) => weights[name]!));
    const gradients = Object.fromEntries(names.map((name, index) => [name, grads[index]!]));
    const ofStored = gradientsOfStored(network, gradients);
    tf.dispose([weights, gradients] as never);
    if (records) {
      averageStatisticsInto(engine, statistics, recorded, 1 - settings.statisticsMomentum);
      tf.dispose(recorded as never);
    }
    return { loss: value, logits: logits!, gradients: ofStored };
  };

  /** Chooses and computes the gradient for this step by the settings. */
  function evaluation(step: number, fraction: number, first: Batch): Evaluation {
    if (settings.metaStep > 0) {
      const second = onDevice(nextBatch(fraction), classes);
      const { metaStep, metaWeight: weight } = settings;
      const result = metaLearningEvaluation(evaluate, weights, first, second, { step: metaStep, weight });
      tf.dispose(second as never);
      return result;
    }
    if (usesSam(step, fraction, settings)) return samEvaluation(evaluate, weights, first, samRadius);
    return evaluate(weights, first, true);
  }

  return {
    weights,
    statistics,
    step(fraction) {
      const host = nextBatch(fraction);
      const batch = onDevice(host, classes);
      const { loss, logits, gradients } = evaluation(steps, fraction, batch);
      const rate = learningRate(fraction, settings);
      sgdStep(engine, weights, velocity, gradients, { ...settings, learningRate: rate }, bySgd);
      if (byMuon.length > 0) {
        const muonRate = learningRate(fraction, { ...settings, peakLearningRate: settings.muonLearningRate });
        muonStep(engine, weights, velocity, gradients, byMuon, muonRate, settings);
      }
      const result = {
        loss: occurrences * loss.dataSync()[0]!,
        accuracy: accuracy(logits.dataSync() as Float32Array, host.labels),
        images: host.labels.length * (settings.metaStep > 0 ? 2 : 1),
      };
      tf.dispose([loss, logits, gradients, batch] as never);
      steps += 1;
      if (steps % settings.lookaheadEvery === 0)
        lookahead?.update(weights, lookaheadDecay(fraction, settings));
      return result;
    },
    dispose() {
      tf.dispose([weights, statistics, velocity] as never);
      lookahead?.dispose();
    },
  };
}

function onDevice({ images, targets, labels }: HostBatch, classes: number): Batch {
  return {
    images: tf.tensor(images, [labels.length, 32, 32, 3]),
    targets: tf.tensor(targets, [labels.length, classes]),
  };
}

function accuracy(logits: Float32Array, labels: Uint8Array): number {
  const classes = logits.length / labels.length;
  let correct = 0;
  for (const [image, label] of labels.entries()) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    if (row.every((logit) => logit <= row[label]!)) correct += 1;
  }
  return correct / labels.length;
}
