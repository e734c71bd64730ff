import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { augmentationFor, createAugmenter } from './augment.ts';
import { saveModel } from './checkpoint.ts';
import { createClock } from './clock.ts';
import { readImages, readLabels } from './data.ts';
import { createEngine } from './engine/createEngine.ts';
import { tf } from './engine/tensorflow.ts';
import type { Environment } from './environment.ts';
import { pathsFor } from './hardware.ts';
import { initialStatistics, initialWeights } from './model/resnet9.ts';
import { PATCH, whiteningFilters } from './model/whitening.ts';
import { createAverage } from './optimizer/weightAveraging.ts';
import { planRun } from './plan.ts';
import { reportProgress } from './progress.ts';
import { learningRate } from './schedule.ts';
import type { Settings } from './settings.ts';
import { createTrainer } from './step.ts';

/** Runs the train stage: trains until the budget is used, and regularly saves a model to the output folder. */
export async function train(environment: Environment, given: Settings): Promise<void> {
  const { trainDir, outDir, seed, budgetSeconds, progressFd } = environment;
  const clock = createClock(budgetSeconds, () => performance.now() / 1000);

  const images = readImages(join(trainDir, 'images.npy'));
  const labels = readLabels(join(trainDir, 'labels.npy'));
  const classes = labels.reduce((largest, label) => Math.max(largest, label), 0) + 1;

  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { celuAlpha, logitScale } = given;
  const ofWidth = (width: number) => ({ width, classes, celuAlpha, logitScale });
  const engines = pathsFor(given).map((path) => createEngine(path, environment.cpus));
  const task = { engines, ofWidth, settings: given, trainingImages: labels.length, budgetSeconds };
  const { engine, ...plan } = planRun(task, say);
  const { path } = engine;
  const architecture = ofWidth(plan.width);
  const settings = { ...given, ...augmentationFor(plan.epochs, given) };
  const precision = path.bfloat16 ? 'bfloat16' : 'float32';
  const resolved = { ...settings, width: plan.width, precision, engine: path.engine };
  writeFileSync(
    join(outDir, 'settings.json'),
    JSON.stringify({ ...resolved, plannedEpochs: plan.epochs }, null, 2),
  );
  say(`width ${plan.width}, ${precision}, ${path.engine} ops, ${environment.cpus} cpus`);

  const augmenter = createAugmenter(images, labels, classes, settings, seed);
  const filters = whiteningFilters(augmenter.plainImages, 32, 32, settings.whiteningEpsilon);
  const whitening = tf.keep(tf.tensor(filters, [PATCH, PATCH]));
  const weights = initialWeights(architecture, seed);
  const trainer = createTrainer(
    { engine, architecture, whitening },
    weights,
    initialStatistics(architecture),
    augmenter.next,
    settings,
  );
  const average =
    settings.averageHorizon > 0
      ? createAverage(engine, trainer.weights, trainer.statistics, settings.averageHorizon)
      : null;
  const save = async (step: number) => {
    const started = clock.elapsed();
    const { normalisation } = augmenter;
    const { weights, statistics } = average ?? trainer;
    await saveModel(
      outDir,
      { architecture, normalisation, whitening, weights, statistics, testShift: settings.testShift, path },
      step,
    );
    clock.tookSave(clock.elapsed() - started);
  };

  let step = 0;
  let savedAt = Number.NEGATIVE_INFINITY;
  let reported = { at: clock.elapsed(), images: 0 };
  let smooth = { loss: 0, accuracy: 0, weight: 0 };
  while (clock.allowsStep()) {
    const started = clock.elapsed();
    const fraction = clock.fraction();
    const { loss, accuracy, images: seen } = trainer.step(fraction);
    if (!Number.isFinite(loss))
      throw new Error(`The loss is ${loss} at step ${step}. Lower peakLearningRate.`);
    if (step % settings.averageEvery === 0) average?.include(trainer.weights, trainer.statistics, fraction);
    step += 1;
    clock.tookStep(clock.elapsed() - started);

    smooth = smoothed(smooth, loss, accuracy);
    reported.images += seen;
    const now = clock.elapsed();
    if (now - reported.at >= 1) {
      reportProgress(progressFd, {
        step,
        epoch: augmenter.epochs(),
        loss: smooth.loss / smooth.weight,
        accuracy: smooth.accuracy / smooth.weight,
        imagesPerSecond: reported.images / (now - reported.at),
        learningRate: learningRate(fraction, settings),
        engine: path.engine,
      });
      reported = { at: now, images: 0 };
    }
    if (now - savedAt >= settings.saveEverySeconds) {
      await save(step);
      savedAt = clock.elapsed();
    }
  }
  await save(step);
  say(`${step} steps, ${augmenter.epochs().toFixed(1)} epochs in ${clock.elapsed().toFixed(1)} s`);
}

/** Updates exponential means of loss and accuracy over about 20 steps, with the weight that makes them unbiased. */
function smoothed<T extends { loss: number; accuracy: number; weight: number }>(
  before: T,
  loss: number,
  accuracy: number,
) {
  const keep = 0.95;
  return {
    loss: keep * before.loss + (1 - keep) * loss,
    accuracy: keep * before.accuracy + (1 - keep) * accuracy,
    weight: keep * before.weight + (1 - keep),
  };
}
