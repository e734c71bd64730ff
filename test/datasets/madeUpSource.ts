import { randomFillSync } from 'node:crypto';
import { IMAGE_BYTES, type LabelledImages, type Source } from '../../datasets/source.ts';

/** Returns images that are all different: their first bytes count them. */
export function madeUpImages(labels: readonly number[], first = 0): LabelledImages {
  const images = new Uint8Array(labels.length * IMAGE_BYTES);
  const numbers = new DataView(images.buffer);
  labels.forEach((_, index) => {
    numbers.setUint32(index * IMAGE_BYTES, first + index);
  });
  return { images, labels: Uint8Array.from(labels) };
}

/** Returns a source with `perClass` images of each of `classes` classes; labels cycle through the classes. */
export function madeUpSource(classes: number, perClass: number, testPerClass?: number): Source {
  const labels = (each: number) => Array.from({ length: classes * each }, (_, index) => index % classes);
  return {
    kind: 'folder',
    description: 'made up',
    classes: Array.from({ length: classes }, (_, label) => `class ${label}`),
    train: madeUpImages(labels(perClass)),
    ...(testPerClass === undefined ? {} : { test: madeUpImages(labels(testPerClass), 1_000_000) }),
  };
}

/** Returns random bytes in the layout of CIFAR-10's binary version, with labels cycling from 0 to 9. */
export function cifarRecords(count: number): Buffer {
  const bytes = randomFillSync(Buffer.alloc(count * 3073));
  for (let record = 0; record < count; record++) bytes[record * 3073] = record % 10;
  return bytes;
}
