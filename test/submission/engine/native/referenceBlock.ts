/** One block: conv3x3 -> maxpool 2x2? -> batch norm by the batch -> elu(x / alpha). */
export interface ReferenceShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly in: number;
  readonly out: number;
  readonly pool: boolean;
  readonly alpha: number;
}

export interface ReferencePasses {
  /** Like the output. */
  readonly output: Float64Array;
  readonly mean: Float64Array;
  /** With Bessel's correction. */
  readonly variance: Float64Array;
  readonly input: Float64Array;
  readonly filter: Float64Array;
  readonly offset: Float64Array;
  /**
   * Smallest difference between the two largest values of a pooling window: if it is small, engines may choose
   * differently.
   */
  readonly leastLead: number;
}

const EPSILON = 1e-5;

/**
 * Computes both passes of a block in double precision, directly from the formulas (Ioffe and Szegedy 2015 for the
 * norm's).
 *
 * @param input [batch, height, width, in]
 * @param filter [3, 3, in, out]
 * @param offset [out]
 * @param outputGradient [batch, height / 2?, width / 2?, out]
 * @returns output and statistics, and the gradients of input, filter and offset
 */
export function referenceBlock(
  shape: ReferenceShape,
  input: Float32Array,
  filter: Float32Array,
  offset: Float32Array,
  outputGradient: Float32Array,
): ReferencePasses {
  const { batch, height, width, out, alpha } = shape;
  const convolved = new Float64Array(batch * height * width * out);
  eachProduct(shape, (from, weight, to) => {
    convolved[to]! += input[from]! * filter[weight]!;
  });
  const { places, leastLead } = chosenPlaces(shape, convolved);
  const values = Float64Array.from(places, (place) => convolved[place]!);
  const pixels = values.length / out;

  const perChannel = (term: (index: number, channel: number) => number) => {
    const sums = new Float64Array(out);
    for (let index = 0; index < values.length; index += 1) sums[index % out]! += term(index, index % out);
    return sums;
  };
  const mean = perChannel((index) => values[index]! / pixels);
  const spread = perChannel((index, channel) => (values[index]! - mean[channel]!) ** 2 / pixels);
  const inverse = spread.map((each) => 1 / Math.sqrt(each + EPSILON));
  const normal = values.map((value, index) => (value - mean[index % out]!) * inverse[index % out]!);
  const activations = normal.map((value, index) => (value + offset[index % out]!) / alpha);
  const output = activations.map((value) => (value > 0 ? value : Math.expm1(value)));

  const gradient = activations.map(
    (value, index) => (outputGradient[index]! * (value > 0 ? 1 : Math.exp(value))) / alpha,
  );
  const sum = perChannel((index) => gradient[index]!);
  const product = perChannel((index) => gradient[index]! * normal[index]!);
  const convolvedGradient = new Float64Array(convolved.length);
  for (const [index, place] of places.entries()) {
    const channel = index % out;
    convolvedGradient[place] =
      inverse[channel]! *
      (gradient[index]! - sum[channel]! / pixels - (normal[index]! * product[channel]!) / pixels);
  }
  const inputGradient = new Float64Array(input.length);
  const filterGradient = new Float64Array(filter.length);
  eachProduct(shape, (from, weight, to) => {
    inputGradient[from]! += convolvedGradient[to]! * filter[weight]!;
    filterGradient[weight]! += convolvedGradient[to]! * input[from]!;
  });
  const variance = spread.map((each) => each * (pixels > 1 ? pixels / (pixels - 1) : 1));
  return { output, mean, variance, input: inputGradient, filter: filterGradient, offset: sum, leastLead };
}

/** Calls `take` with the indices of input, weight and output of every product of the convolution. */
function eachProduct(
  { batch, height, width, in: inputs, out }: ReferenceShape,
  take: (from: number, weight: number, to: number) => void,
): void {
  for (let pixel = 0; pixel < batch * height * width; pixel += 1) {
    const [y, x] = [Math.floor(pixel / width) % height, pixel % width];
    for (let tap = 0; tap < 9; tap += 1) {
      const [down, right] = [Math.floor(tap / 3) - 1, (tap % 3) - 1];
      if (y + down < 0 || y + down >= height || x + right < 0 || x + right >= width) continue;
      const from = (pixel + down * width + right) * inputs;
      for (let i = 0; i < inputs; i += 1) {
        for (let o = 0; o < out; o += 1) take(from + i, (tap * inputs + i) * out + o, pixel * out + o);
      }
    }
  }
}

/** Returns the index in `convolved` of every normalised value: the first of the largest of its window, or itself. */
function chosenPlaces({ batch, height, width, out, pool }: ReferenceShape, convolved: Float64Array) {
  if (!pool) return { places: Array.from(convolved.keys()), leastLead: Number.POSITIVE_INFINITY };
  const places: number[] = [];
  let leastLead = Number.POSITIVE_INFINITY;
  for (let row = 0; row < batch * height; row += 2) {
    for (let column = 0; column < width; column += 2) {
      for (let channel = 0; channel < out; channel += 1) {
        const window = [0, 1, width, width + 1].map((step) => (row * width + column + step) * out + channel);
        const sorted = window.toSorted((a, b) => convolved[b]! - convolved[a]!);
        places.push(sorted[0]!);
        leastLead = Math.min(leastLead, convolved[sorted[0]!]! - convolved[sorted[1]!]!);
      }
    }
  }
  return { places, leastLead };
}
