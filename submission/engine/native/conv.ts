import { constant, FLOAT32, free, INT32, type Raw, run, type } from '../ops.ts';

/**
 * 3x3 convolution, stride 1, zero padding, by our own ops (convolution.cc): float32, channels out in multiples of 8.
 * Shapes as in ../stock/conv.ts. Channels in that fill no vector, those of a picture, are filled up with zeros.
 */
export function conv(input: Raw, filter: Raw): Raw {
  return filledUp(input, 3, (x) => filledUp(filter, 2, (w) => run('HaetConvolution', [x, w], [])));
}

/** The channels in fill vectors too: nobody wants the gradient to a picture. */
export function convInputGradient(_: readonly number[], filter: Raw, outputGradient: Raw): Raw {
  return run('HaetConvolutionInputGradient', [filter, outputGradient], []);
}

export function convFilterGradient(input: Raw, filterShape: readonly number[], outputGradient: Raw): Raw {
  const gradient = filledUp(input, 3, (x) => run('HaetConvolutionFilterGradient', [x, outputGradient], []));
  if (gradient.shape[2] === filterShape[2]) return gradient;
  const wanted = run(
    'Slice',
    [gradient, constant([0, 0, 0, 0], 'int32'), constant(filterShape, 'int32')],
    [type('T', FLOAT32), type('Index', INT32)],
  );
  free(gradient);
  return wanted;
}

/** Runs `use` on a tensor of four axes whose `axis` is made a multiple of 8 with zeros. */
function filledUp(tensor: Raw, axis: number, use: (filled: Raw) => Raw): Raw {
  const missing = -tensor.shape[axis]! & 7;
  if (missing === 0) return use(tensor);
  const paddings = [0, 1, 2, 3].map((each) => [0, each === axis ? missing : 0]);
  const filled = run(
    'Pad',
    [tensor, constant(paddings, 'int32')],
    [type('T', FLOAT32), type('Tpaddings', INT32)],
  );
  const result = use(filled);
  free(filled);
  return result;
}
