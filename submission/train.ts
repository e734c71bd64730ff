import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { augmentationFor, createAugmenter } from './augment.ts';
import { createBudget, requireBudget } from './budget.ts';
import { saveModel } from './checkpoint.ts';
import { createClock } from './clock.ts';
import { readImages, readLabels } from './data.ts';
import { createEngine } from './engine/createEngine.ts';
import { tf } from './engine/tensorflow.ts';
import type { Environment } from './environment.ts';
import { pathsFor } from './hardware.ts';
import { initialStatistics, initialWeights, multiplyAdds } from './model/resnet9.ts';
import { PATCH, whiteningFilters } from './model/whitening.ts';
import { requireLookahead } from './optimizer/lookahead.ts';
import { requireOptimizer } from './optimizer/requireOptimizer.ts';
import { createAverage } from './optimizer/weightAveraging.ts';
import { readCpuSeconds } from './plan/cpuSeconds.ts';
import { createForecast, describeForecasts } from './plan/forecast.ts';
import { startNoiseSteps } from './plan/noiseSteps.ts';
import { planRun, WIDTHS } from './plan/planRun.ts';
import { reportProgress } from './progress.ts';
import { requireAugmentation } from './requireAugmentation.ts';
import { learningRate } from './schedule.ts';
import type { Settings } from './settings.ts';
import { createTrainer } from './step.ts';
import { affordableShift, requireViews } from './testTimeViews.ts';

/** Runs the train stage: trains until the budget is used, and regularly saves a model to the output folder. */
export async function train(environment: Environment, settings: Settings): Promise<void> {
  requireBudget(settings);
  requireAugmentation(settings);
  requireLookahead(settings);
  requireOptimizer(settings);
  requireViews(settings);
  const { trainDir, outDir, seed, budgetSeconds, progressFd } = environment;
  const clock = createClock(budgetSeconds, () => performance.now() / 1000);

  const images = readImages(join(trainDir, 'images.npy'));
  const labels = readLabels(join(trainDir, 'labels.npy'));
  const classes = labels.reduce((largest, label) => Math.max(largest, label), 0) + 1;

  // Before the plan, which divides the rest of the budget by the time of a step: they take a part of it.
  const augmenter = createAugmenter(images, labels, classes, settings, seed);
  const filters = whiteningFilters(augmenter.plainImages, 32, 32, settings.whiteningEpsilon);

  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { celuAlpha, logitScale, mirrorFilters } = settings;
  const ofWidth = (width: number) => ({ width, classes, celuAlpha, logitScale, mirrorFilters });
  const plan = planRun(
    {
      engines: pathsFor(settings).map((path) => createEngine(path, environment.cpus)),
      widths: settings.width > 0 ? [settings.width] : WIDTHS,
      work: (width) => multiplyAdds(ofWidth(width)),
      settings,
      trainingImages: labels.length,
      budgetSeconds,
    },
    {
      clock,
      cpuSeconds: readCpuSeconds,
      startSteps: (engine, width) => startNoiseSteps(engine, ofWidth(width), settings),
    },
    say,
  );
  const { engine, width } = plan;
  const { path } = engine;
  const architecture = ofWidth(width);
  const precision = path.bfloat16 ? 'bfloat16' : 'float32';
  const keepSettings = (expectedEpochs: number, found: object) => {
    const { cutmix, distortion } = augmentationFor(expectedEpochs, settings);
    const shares = { cutmixProbability: cutmix, distortProbability: distortion };
    const used = { ...settings, width, precision, engine: path.engine, ...shares, ...found };
    const file = join(outDir, 'settings.json');
    writeFileSync(`${file}.new`, JSON.stringify(used, null, 2));
    renameSync(`${file}.new`, file);
  };
  const plannedEpochs = settings.trainEpochs > 0 ? settings.trainEpochs : plan.epochs;
  keepSettings(plannedEpochs, { plannedEpochs });
  say(`width ${width}, ${precision}, ${path.engine} ops, ${environment.cpus} cpus`);

  const whitening = tf.keep(tf.tensor(filters, [PATCH, PATCH]));
  const weights = initialWeights(architecture, seed, settings.diracInit);
  // Width and engine are final. What else depends on the number of epochs follows this forecast.
  const budget = createBudget(clock, settings, augmenter.epochs);
  // A step with two gradients takes more of a budget in time, but not of one in epochs.
  const cost = settings.trainEpochs > 0 ? { ...settings, samEvery: 0 } : settings;
  const forecast = createForecast(plannedEpochs, budget.fraction(), cost);
  const trainer = createTrainer(
    { engine, architecture, whitening },
    weights,
    initialStatistics(architecture),
    (fraction) => augmenter.next(fraction, forecast.epochs()),
    settings,
  );
  const average =
    settings.averageHorizon > 0
      ? createAverage(engine, trainer.weights, trainer.statistics, settings.averageHorizon)
      : null;
  const trainingStarted = clock.elapsed();
  const save = async (step: number) => {
    const started = clock.elapsed();
    const trainingSeconds = (started - trainingStarted) / (augmenter.epochs() * labels.length);
    const predictSeconds = Math.min(settings.predictSeconds, budgetSeconds / 10);
    const testShift = affordableShift(settings.testShift, !mirrorFilters, trainingSeconds, predictSeconds);
    const { normalisation } = augmenter;
    const { weights, statistics } = average ?? trainer;
    await saveModel(
      outDir,
      { architecture, normalisation, whitening, weights, statistics, testShift, path },
      step,
    );
    clock.tookSave(clock.elapsed() - started);
    return testShift;
  };

  let step = 0;
  let savedAt = Number.NEGATIVE_INFINITY;
  let reported = { at: clock.elapsed(), images: 0 };
  let smooth = { loss: 0, accuracy: 0, weight: 0 };
  while (budget.allowsStep()) {
    const started = clock.elapsed();
    const fraction = budget.fraction();
    const { loss, accuracy, images: seen } = trainer.step(fraction);
    if (!Number.isFinite(loss))
      throw new Error(`The loss is ${loss} at step ${step}. Lower peakLearningRate and muonLearningRate.`);
    if (step % settings.averageEvery === 0) average?.include(trainer.weights, trainer.statistics, fraction);
    step += 1;
    clock.tookStep(clock.elapsed() - started);
    forecast.observe(budget.fraction(), augmenter.epochs());

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
  const testShift = await save(step);
  const outcome = forecast.outcome(augmenter.epochs());
  keepSettings(forecast.epochs(), { ...outcome, testShift });
  const epochs = outcome.epochs.toFixed(1);
  say(`${step} steps, ${epochs} epochs in ${clock.elapsed().toFixed(1)} s; ${describeForecasts(outcome)}`);
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
