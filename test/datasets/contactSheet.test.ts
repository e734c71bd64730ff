import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { drawContactSheet } from '../../datasets/contactSheet.ts';
import { madeUpImages } from './madeUpSource.ts';

/** Label 0 is all red, label 1 all blue. */
function twoColours(labels: number[]) {
  const set = madeUpImages(labels);
  labels.forEach((label, index) => {
    for (let pixel = 0; pixel < 1024; pixel++) {
      set.images.set(label === 0 ? [255, 0, 0] : [0, 0, 255], index * 3072 + pixel * 3);
    }
  });
  return set;
}

async function draw(classes: string[]) {
  const png = await drawContactSheet(
    { classes, train: twoColours([0, 1, 1, 0, 1]), test: twoColours([1, 0]) },
    3,
  );
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return {
    data,
    width: info.width,
    at: (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)],
  };
}

test('has one row per class: training images on the left, held-out ones on the right', async () => {
  const { at, width } = await draw(['red', 'blue']);
  const [red, blue, white] = [
    [255, 0, 0],
    [0, 0, 255],
    [255, 255, 255],
  ];
  const [left, right] = [180, width - 3 * 68];
  expect([at(left, 60), at(left, 128)]).toEqual([red, blue]);
  expect([at(left + 2 * 68, 60), at(left + 2 * 68, 128)]).toEqual([white, blue]);
  expect([at(right, 60), at(right, 128), at(right + 68, 60)]).toEqual([red, blue, white]);
});

test('prints any characters of a class name, and a long name does not overlap the images', async () => {
  const inkOf = async (name: string) => {
    const { at } = await draw([name, 'b']);
    let ink = 0;
    for (let y = 30; y < 94; y++) for (let x = 0; x < 170; x++) ink += Number(at(x, y)[0]! < 128);
    return ink;
  };
  expect(await inkOf('a <b> & "c"')).toBeGreaterThan(await inkOf('a'));
  const { at } = await draw(['w'.repeat(300), 'b']);
  for (let y = 30; y < 94; y++) expect(at(172, y)).toEqual([255, 0, 0]);
});
