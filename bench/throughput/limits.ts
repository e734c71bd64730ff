import type { leastWork } from './work.ts';

export type Precision = 'bfloat16' | 'float32';

/** Returns the number types in which PyTorch and TensorFlow are timed: bfloat16 where the CPU computes in it. */
export const peerPrecisions = (flags: readonly string[]): readonly Precision[] =>
  flags.includes('amx_bf16') || flags.includes('avx512_bf16') ? ['bfloat16', 'float32'] : ['float32'];

/** What `limit.cc` measures. */
export interface Limits {
  /** Arithmetic units of the CPU, with operands from L1. */
  readonly units: readonly { readonly unit: string; readonly precision: Precision; readonly flops: number }[];
  /** Memory traffic, per second. */
  readonly bytes: number;
}

/** Returns the best of several measurements, because a shared machine can only be slower. */
export function bestLimits(measured: readonly Limits[]): Limits {
  const [first] = measured as [Limits];
  const best = (values: readonly number[]) => Math.max(...values);
  return {
    units: first.units.map((unit, index) => ({
      ...unit,
      flops: best(measured.map(({ units }) => units[index]!.flops)),
    })),
    bytes: best(measured.map(({ bytes }) => bytes)),
  };
}

/** How a side computes a training step. */
export interface Method {
  readonly precision: Precision;
  /** Whether it needs only a quarter of the multiplications of its 3x3 convolutions. */
  readonly filtered: boolean;
}

/**
 * Returns the images per second that a side can reach at most, and the unit that limits it: float32 needs the float32
 * units, bfloat16 can use whichever is fastest.
 *
 * @param work of a step with activations of this precision
 */
export function rateLimit(
  { units, bytes }: Limits,
  { precision, filtered }: Method,
  work: ReturnType<typeof leastWork>,
  batch: number,
): { unit: string; imagesPerSecond: number } {
  const usable = units.filter((unit) => precision === 'bfloat16' || unit.precision === 'float32');
  const fastest = usable.reduce((best, unit) => (unit.flops > best.flops ? unit : best));
  const flops = filtered ? work.filteredFlops : work.flops;
  return {
    unit: fastest.unit,
    imagesPerSecond: batch / (flops / fastest.flops + work.bytes / bytes),
  };
}
