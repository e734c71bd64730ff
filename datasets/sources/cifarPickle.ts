import { IMAGE_BYTES, type LabelledImages } from '../source.ts';
import { UserError } from '../userError.ts';
import { cifarClasses, cifarRemedy } from './cifarClasses.ts';
import { type NdArray, PickleFault, textOf } from './pickle/ndArray.ts';
import { unpickle } from './pickle/unpickle.ts';
import { planesToRgb } from './planes.ts';

/** A batch is 31 MB; Python 3 writes protocol 2 with up to half as much again. */
export const MOST_PICKLE_BYTES = 64 * 2 ** 20;
const MOST_IMAGES = 10_000;

/**
 * Parses a batch of CIFAR-10's Python version: a pickled dict with `data`, uint8 [images, 3072], and `labels`.
 *
 * @param name replaces the path in messages
 * @returns images in rows of RGB pixels
 * @throws UserError
 */
export function parsePickledBatch(name: string, bytes: Uint8Array): LabelledImages {
  return readPickle(name, bytes, (dict) => {
    if (dict.has('fine_labels')) throw new PickleFault('it is a batch of CIFAR-100');
    const data = dict.get('data');
    if (!isArray(data) || data.code !== 'u1' || data.fortranOrder) {
      throw new PickleFault("its 'data' is not an array of uint8 in C order");
    }
    const [size = 0, ...axes] = data.shape;
    if (!['3072', '3,32,32'].includes(axes.join()) || size < 1 || size > MOST_IMAGES) {
      throw new PickleFault(
        `its 'data' has the shape [${data.shape.join(', ')}]; expected [images, 3072] with 1 to ${MOST_IMAGES} images`,
      );
    }
    const labels = integersOf(dict.get('labels'));
    if (labels === null || labels.length !== size) {
      throw new PickleFault(`it has ${size} images, but ${labels?.length ?? 'no list of'} labels`);
    }
    const bad = labels.findIndex((label) => !(label in cifarClasses));
    if (bad !== -1) throw new PickleFault(`image ${bad} has label ${labels[bad]}; expected 0 to 9`);
    const images = new Uint8Array(size * IMAGE_BYTES);
    for (let at = 0; at < images.length; at += IMAGE_BYTES) planesToRgb(data.data, at, images, at);
    return { images, labels: Uint8Array.from(labels) };
  });
}

/**
 * Checks that batches.meta of CIFAR-10's Python version names the classes of CIFAR-10, in order.
 *
 * @throws UserError
 */
export function checkPickledNames(name: string, bytes: Uint8Array): void {
  readPickle(name, bytes, (dict) => {
    const names = dict.get('label_names');
    const texts = Array.isArray(names) ? names.map(textOf) : [];
    if (texts.join() === cifarClasses.join()) return;
    throw new PickleFault(
      `its classes are ${texts.slice(0, 12).join(', ').slice(0, 200) || 'missing'}; expected ${cifarClasses.join(', ')}`,
    );
  });
}

function readPickle<T>(name: string, bytes: Uint8Array, read: (dict: Map<string, unknown>) => T): T {
  try {
    const value = unpickle(bytes);
    if (!(value instanceof Map)) throw new PickleFault('it is no dict');
    return read(new Map([...value].map(([key, each]) => [textOf(key), each])));
  } catch (error) {
    if (!(error instanceof PickleFault)) throw error;
    throw new UserError({
      path: name,
      reason: `is not a readable pickle of CIFAR-10 (${error.message})`,
      remedy: cifarRemedy,
    });
  }
}

/** Returns the integers of a list or of an array of NumPy; null if it is neither. */
function integersOf(value: unknown): number[] | null {
  if (Array.isArray(value)) {
    const numbers = value.map((each) =>
      isArray(each) ? (integersOf(each)?.[0] ?? Number.NaN) : Number(each),
    );
    return numbers.every(Number.isInteger) ? numbers : null;
  }
  if (!isArray(value) || value.shape.length > 1 || !/^[iu][1248]$/.test(value.code)) return null;
  const size = Number(value.code.slice(1));
  const data = Buffer.from(value.data.buffer, value.data.byteOffset, value.data.byteLength);
  // All labels are small, so that the lowest byte is the value and the others are zero.
  return Array.from({ length: data.length / size }, (_, index) => {
    const bytes = data.subarray(index * size, (index + 1) * size);
    const low = value.bigEndian ? size - 1 : 0;
    return bytes.every((byte, at) => at === low || byte === 0) ? bytes[low]! : -1;
  });
}

function isArray(value: unknown): value is NdArray {
  return typeof value === 'object' && value !== null && 'fortranOrder' in value;
}
