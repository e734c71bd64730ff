// Predict stage: labels HAET_TEST_IMAGES with the model in HAET_MODEL_DIR, writes predictions.npy.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageBytes, readNpy, scaled, writeNpy } from './data.mjs';
import { tf } from './tensorflow.mjs';

const BATCH = 250;
const { HAET_MODEL_DIR, HAET_TEST_IMAGES, HAET_OUT_DIR } = process.env;

const saved = JSON.parse(readFileSync(join(HAET_MODEL_DIR, 'model.json'), 'utf8'));
const weightData = new Uint8Array(Buffer.from(saved.weights, 'base64')).buffer;
const model = await tf.loadLayersModel(tf.io.fromMemory({ ...saved, weightData }));

const images = readNpy(HAET_TEST_IMAGES); // uint8 [n, 32, 32, 3]
const count = images.length / imageBytes;
const scores = new Float32Array(count * saved.classes);
for (let start = 0; start < count; start += BATCH) {
  const end = Math.min(start + BATCH, count);
  tf.tidy(() => {
    const batch = scaled(images.subarray(start * imageBytes, end * imageBytes));
    const logits = model.predict(tf.tensor4d(batch, [end - start, 32, 32, 3]));
    scores.set(logits.dataSync(), start * saved.classes);
  });
}
writeNpy(join(HAET_OUT_DIR, 'predictions.npy'), scores, saved.classes);
