import { expect, test } from '@jest/globals';
import { backend } from '../../../submission/engine/ops.ts';
import { tf } from '../../../submission/engine/tensorflow.ts';
import { startNoiseSteps } from '../../../submission/plan/noiseSteps.ts';
import { defaultSettings } from '../../../submission/settings.ts';
import { engineOf, engines } from '../engines.ts';

test.each(engines)('steps on noise leave no tensor behind, %s', (name) => {
  const engine = engineOf(name);
  const twoSteps = () => {
    const architecture = { width: 0.25, classes: 10, celuAlpha: 0.3, logitScale: 1 / 16 };
    const steps = startNoiseSteps(engine, architecture, { ...defaultSettings, batchSize: 8 });
    steps.step();
    steps.step();
    steps.close();
  };
  twoSteps(); // creates the constants that are kept permanently
  const tensors = [tf.memory().numTensors, backend.getNumOfTFTensors()];
  twoSteps();
  expect([tf.memory().numTensors, backend.getNumOfTFTensors()]).toEqual(tensors);
});
