// Train stage: reads HAET_TRAIN_DIR, uses the time there is, keeps the newest model in HAET_OUT_DIR.
import { renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { imageBytes, readNpy, scaled } from './data.mjs';
import { tf } from './tensorflow.mjs';

const BATCH = 128;
const PEAK_LEARNING_RATE = 0.1;
const SAVE_EVERY_SECONDS = 20;

const { HAET_TRAIN_DIR, HAET_OUT_DIR, HAET_PROGRESS_FD, HAET_BUDGET_SECONDS, HAET_SEED } = process.env;
const budget = Number(HAET_BUDGET_SECONDS);
const usable = budget - Math.max(1.5, 0.02 * budget); // the rest is for the last save and the exit
const elapsed = () => performance.now() / 1000; // since the process started, as the contract counts
const random = randomNumbers(Number(HAET_SEED));

const images = readNpy(join(HAET_TRAIN_DIR, 'images.npy')); // uint8 [n, 32, 32, 3]
const labels = readNpy(join(HAET_TRAIN_DIR, 'labels.npy')); // uint8 [n]
const classes = 1 + labels.reduce((highest, label) => Math.max(highest, label));

/** Convolution, batch normalisation, ReLU, and pooling to half the edge. */
function block(filters, seed) {
  const kernelInitializer = tf.initializers.heNormal({ seed });
  return [
    tf.layers.conv2d({ filters, kernelSize: 3, padding: 'same', useBias: false, kernelInitializer }),
    tf.layers.batchNormalization({ momentum: 0.9 }),
    tf.layers.reLU(),
    tf.layers.maxPooling2d({ poolSize: 2 }),
  ];
}

function createModel(seed) {
  const kernelInitializer = tf.initializers.heNormal({ seed });
  return tf.sequential({
    layers: [
      tf.layers.inputLayer({ inputShape: [32, 32, 3] }),
      ...block(32, seed + 1),
      ...block(64, seed + 2),
      ...block(128, seed + 3),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: classes, kernelInitializer }),
    ],
  });
}

/** Returns numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(count) {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** Returns the images at `indices`, every second one mirrored: float32 [batch, 32, 32, 3]. */
function augmented(indices) {
  const batch = new Uint8Array(indices.length * imageBytes);
  indices.forEach((index, at) => {
    const image = images.subarray(index * imageBytes, (index + 1) * imageBytes);
    const mirrored = random() < 0.5;
    for (let pixel = 0; pixel < 32 * 32; pixel++) {
      const from = mirrored ? pixel - (pixel % 32) + 31 - (pixel % 32) : pixel;
      for (let channel = 0; channel < 3; channel++) {
        batch[at * imageBytes + 3 * pixel + channel] = image[3 * from + channel];
      }
    }
  });
  return tf.tensor4d(scaled(batch), [indices.length, 32, 32, 3]);
}

/** Rises for the first fifth of the time, then falls to 0 by the clock, so that any machine gets there. */
function learningRate(fraction) {
  return PEAK_LEARNING_RATE * Math.max(1e-3, Math.min(fraction / 0.2, (1 - fraction) / 0.8));
}

/** Saves atomically: a kill during the save leaves the previous model. */
async function save() {
  const handler = tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
    const weights = Buffer.from(weightData).toString('base64');
    const path = join(HAET_OUT_DIR, 'model.json');
    writeFileSync(`${path}.part`, JSON.stringify({ classes, modelTopology, weightSpecs, weights }));
    renameSync(`${path}.part`, path);
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
}

const optimizer = tf.train.momentum(PEAK_LEARNING_RATE, 0.9, true);
const model = createModel(Number(HAET_SEED));
model.compile({
  optimizer,
  loss: (truth, logits) => tf.losses.softmaxCrossEntropy(truth, logits, undefined, 0.1), // labels smoothed by 0.1
  metrics: [tf.metrics.categoricalAccuracy],
});

const batch = Math.min(BATCH, labels.length);
const perEpoch = Math.floor(labels.length / batch);
let [step, slowestStep, savedAt, reportedAt] = [0, 0, elapsed(), elapsed()];
let order = [];
while (elapsed() + 1.5 * slowestStep < usable) {
  const started = elapsed();
  if (step % perEpoch === 0) order = shuffled(labels.length);
  const indices = order.slice((step % perEpoch) * batch, ((step % perEpoch) + 1) * batch);
  const x = augmented(indices);
  const y = tf.oneHot(
    indices.map((index) => labels[index]),
    classes,
  );
  optimizer.setLearningRate(learningRate(started / usable));
  const [loss, accuracy] = await model.trainOnBatch(x, y);
  tf.dispose([x, y]);
  step += 1;
  const seconds = elapsed() - started;
  slowestStep = Math.max(slowestStep, seconds);
  if (elapsed() - reportedAt > 1) {
    const line = { step, epoch: step / perEpoch, loss, accuracy, imagesPerSecond: batch / seconds };
    writeSync(Number(HAET_PROGRESS_FD), `${JSON.stringify(line)}\n`);
    reportedAt = elapsed();
  }
  if (elapsed() - savedAt > SAVE_EVERY_SECONDS) {
    await save();
    savedAt = elapsed();
  }
}
await save();
