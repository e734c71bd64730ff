import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mean } from 'simple-statistics';
import { createAugmenter } from '../../../../submission/augment.ts';
import { conv, convFilterGradient, convInputGradient } from '../../../../submission/engine/convolution.ts';
import { chooseEngine } from '../../../../submission/engine/engine.ts';
import { nativeOps, whyNoNativeOps } from '../../../../submission/engine/native/addon.ts';
import { backend, type Raw, rawOf, run, tensorOf } from '../../../../submission/engine/ops.ts';
import { type Tensor, tf } from '../../../../submission/engine/tensorflow.ts';
import { initialStatistics, initialWeights } from '../../../../submission/model/resnet9.ts';
import { defaultSettings } from '../../../../submission/settings.ts';
import { createTrainer } from '../../../../submission/step.ts';
import { describeNative, error } from '../../engines.ts';

interface Shape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly in: number;
  readonly out: number;
}

const imageOf = (shape: Shape, channels: number) => [shape.batch, shape.height, shape.width, channels];
const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed) as Tensor;

/** The three products, as float32 arrays: output, gradient to the input, gradient to the filter. */
function products(shape: Shape, input: Tensor, filter: Tensor, gradient: Tensor): Float32Array[] {
  const results: Raw[] = [
    conv(rawOf(input), rawOf(filter)),
    convInputGradient(input.shape, rawOf(filter), rawOf(gradient)),
    convFilterGradient(rawOf(input), filter.shape, rawOf(gradient)),
  ];
  expect(results.map((each) => each.shape)).toEqual([
    imageOf(shape, shape.out),
    imageOf(shape, shape.in),
    [3, 3, shape.in, shape.out],
  ]);
  return results.map((each) => {
    const tensor = tensorOf(each);
    const values = tensor.dataSync() as Float32Array;
    tensor.dispose();
    return values;
  });
}

/** The same sums as they are written, in double precision. */
function reference(
  shape: Shape,
  input: Float32Array,
  filter: Float32Array,
  gradient: Float32Array,
): Float64Array[] {
  const { batch, height, width, in: inputs, out } = shape;
  const [output, inputGradient, filterGradient] = [gradient, input, filter].map(
    (each) => new Float64Array(each.length),
  );
  for (let pixel = 0; pixel < batch * height * width; pixel += 1) {
    const [y, x] = [Math.floor(pixel / width) % height, pixel % width];
    for (let tap = 0; tap < 9; tap += 1) {
      const [down, right] = [Math.floor(tap / 3) - 1, (tap % 3) - 1];
      if (y + down < 0 || y + down >= height || x + right < 0 || x + right >= width) continue;
      const from = (pixel + down * width + right) * inputs;
      for (let i = 0; i < inputs; i += 1) {
        for (let o = 0; o < out; o += 1) {
          const weight = (tap * inputs + i) * out + o;
          output![pixel * out + o]! += input[from + i]! * filter[weight]!;
          inputGradient![from + i]! += gradient[pixel * out + o]! * filter[weight]!;
          filterGradient![weight]! += input[from + i]! * gradient[pixel * out + o]!;
        }
      }
    }
  }
  return [output!, inputGradient!, filterGradient!];
}

describeNative('the native convolutions', () => {
  test('are near the sum in double precision, and near those of TensorFlow, over shapes', () => {
    const channels = fc.integer({ min: 1, max: 6 }).map((eighths) => 8 * eighths);
    const few = fc.integer({ min: 1, max: 15 }); // as those of a picture
    const edge = fc.integer({ min: 1, max: 13 });
    const shapes = fc.record({
      batch: fc.constantFrom(1, 2, 3, 9),
      height: edge,
      width: edge,
      in: fc.oneof(channels, few),
      out: channels,
    });
    fc.assert(
      fc.property(
        shapes,
        fc.integer({ min: 1, max: 1e6 }),
        fc.constantFrom(1e-10, 1, 1e10),
        (shape, seed, scale) => {
          tf.tidy(() => {
            const input = tf.mul(normal(imageOf(shape, shape.in), seed), scale) as Tensor;
            const filter = normal([3, 3, shape.in, shape.out], seed + 1);
            const gradient = normal(imageOf(shape, shape.out), seed + 2);
            const exact = reference(
              shape,
              ...([input, filter, gradient].map((each) => each.dataSync()) as [
                Float32Array,
                Float32Array,
                Float32Array,
              ]),
            );
            chooseEngine('native', 2);
            const ours = products(shape, input, filter, gradient);
            chooseEngine('stock', 2);
            const stock = products(shape, input, filter, gradient);
            for (const [index, values] of ours.entries()) {
              expect(error(values, exact[index]!)).toBeLessThan(2e-5);
              expect(error(values, stock[index]!)).toBeLessThan(2e-5);
            }
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    [250, 4, 64],
    [512, 4, 16],
    [64, 32, 8],
    [250, 32, 3],
    [130, 8, 160], // a filter so large that threads take its tiles together
  ])(
    'of %i images, %i pixels an edge, %i channels, are near those of TensorFlow',
    (batch, edge, channels) => {
      const shape = { batch, height: edge, width: edge, in: channels, out: 2 * Math.max(channels, 8) };
      tf.tidy(() => {
        const tensors = [
          normal(imageOf(shape, shape.in), 1),
          normal([3, 3, shape.in, shape.out], 2),
          normal(imageOf(shape, shape.out), 3),
        ] as const;
        chooseEngine('native', 2);
        const ours = products(shape, ...tensors);
        chooseEngine('stock', 2);
        const stock = products(shape, ...tensors);
        for (const [index, values] of ours.entries()) expect(error(values, stock[index]!)).toBeLessThan(1e-4); // of up to 256,000 terms
      });
    },
  );

  test.each([
    [3, 40],
    [24, 40],
    [128, 120],
  ])('give the same bits with any number of threads, %i channels to %i', (channels, out) => {
    const shape = { batch: 37, height: 8, width: 8, in: channels, out };
    tf.tidy(() => {
      const tensors = [
        normal(imageOf(shape, channels), 1),
        normal([3, 3, channels, out], 2),
        normal(imageOf(shape, out), 3),
      ] as const;
      const [one, ...others] = [1, 2, 3, 5, 2].map((threads) => {
        chooseEngine('native', threads);
        return products(shape, ...tensors);
      });
      for (const other of others) expect(other).toEqual(one);
    });
  });

  test('leave channels out that fill no vector to TensorFlow', () => {
    chooseEngine('native', 2);
    const shape = { batch: 2, height: 4, width: 4, in: 8, out: 12 };
    tf.tidy(() => {
      const tensors = [
        normal(imageOf(shape, 8), 1),
        normal([3, 3, 8, 12], 2),
        normal(imageOf(shape, 12), 3),
      ] as const;
      const exact = reference(
        shape,
        ...(tensors.map((each) => each.dataSync()) as [Float32Array, Float32Array, Float32Array]),
      );
      for (const [index, values] of products(shape, ...tensors).entries()) {
        expect(error(values, exact[index]!)).toBeLessThan(1e-5);
      }
    });
  });

  test('refuse shapes that do not belong together', () => {
    const raw = (shape: number[]) => rawOf(tf.zeros(shape));
    const image = raw([2, 4, 4, 8]);
    expect(() => run('HaetConvolution', [image, raw([3, 3, 16, 8])], [])).toThrow(/do not belong together/);
    expect(() => run('HaetConvolution', [image, raw([5, 5, 8, 8])], [])).toThrow(
      /a filter \[3, 3, in, out\]/,
    );
    expect(() => run('HaetConvolution', [image, raw([3, 3, 8, 9])], [])).toThrow(/multiples of 8/);
    expect(() => run('HaetConvolution', [image, raw([3, 3])], [])).toThrow(/expected images/);
    expect(() => run('HaetConvolutionInputGradient', [raw([3, 3, 9, 8]), image], [])).toThrow(
      /multiples of 8/,
    );
    expect(() => run('HaetConvolutionFilterGradient', [image, raw([2, 4, 4, 9])], [])).toThrow(
      /multiples of 8/,
    );
    expect(() => run('HaetConvolution', [raw([4, 8]), raw([3, 3, 8, 8])], [])).toThrow(/expected images/);
    expect(() => run('HaetConvolution', [raw([0, 4, 4, 8]), raw([3, 3, 8, 8])], [])).toThrow(/none empty/);
    expect(() => run('HaetConvolutionFilterGradient', [raw([0, 4, 4, 8]), raw([0, 4, 4, 8])], [])).toThrow(
      /none empty/,
    );
    expect(() => run('HaetConvolutionInputGradient', [raw([3, 3, 8, 16]), image], [])).toThrow(
      /do not belong/,
    );
    expect(() => run('HaetConvolutionFilterGradient', [image, raw([2, 4, 5, 8])], [])).toThrow(
      /do not belong/,
    );
    expect(() => nativeOps()!.setThreads(0)).toThrow(/1 or more/);
  });

  test('train as those of TensorFlow do', () => {
    const labels = Uint8Array.from({ length: 64 }, (_, index) => index % 4);
    // Noise, and stripes whose distance is the class's.
    const images = Uint8Array.from({ length: 64 * 3072 }, (_, index) => {
      const [image, column] = [Math.floor(index / 3072), Math.floor(index / 3) % 32];
      return ((index * 7919 + (index >> 9)) % 200) + (column % (2 + labels[image]!) === 0 ? 50 : 0);
    });
    const settings = { ...defaultSettings, batchSize: 32, peakLearningRate: 0.05, cutmixProbability: 0 };
    const losses = (['native', 'stock'] as const).map((engine) => {
      chooseEngine(engine, 2);
      const architecture = { width: 0.25, classes: 4, celuAlpha: 0.3, logitScale: 1 / 16, bfloat16: false };
      const trainer = createTrainer(
        architecture,
        tf.keep(tf.eye(27)),
        initialWeights(architecture, 1),
        initialStatistics(architecture),
        createAugmenter(images, labels, 4, settings, 1).next,
        settings,
      );
      return Array.from({ length: 120 }, () => trainer.step(0.1).loss);
    });
    expect(losses[0]).not.toEqual(losses[1]); // they are two
    // Rounding at first, which training then makes larger from step to step; so later the curves, as means of 40 steps.
    const [native, stock] = losses as [number[], number[]];
    expect(mean(stock.slice(80))).toBeLessThan(mean(stock.slice(0, 40)) - 0.2);
    for (let step = 0; step < 5; step += 1) expect(Math.abs(native[step]! - stock[step]!)).toBeLessThan(3e-4);
    for (let step = 0; step < 120; step += 40) {
      const [ours, theirs] = [native, stock].map((each) => mean(each.slice(step, step + 40)));
      expect(Math.abs(ours! - theirs!)).toBeLessThan(0.02);
    }
  });
});

test('a CPU without the instructions that they are compiled for never loads them', () => {
  if (process.arch !== 'x64' || backend.isUsingGpuDevice) return;
  expect(whyNoNativeOps(['sse2', 'avx', 'fma'])).toBe('the CPU has no avx2');
  expect(whyNoNativeOps([])).toBe('the CPU has no avx2, fma');
});

test('an engine that this machine has not is refused by name', () => {
  if (whyNoNativeOps() === null) return;
  expect(() => chooseEngine('native', 1)).toThrow('This machine has no native ops');
  expect(chooseEngine('auto', 1)).toBe('stock');
});
