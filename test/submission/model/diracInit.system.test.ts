import { expect, test } from '@jest/globals';
import { mirrored } from '../../../submission/engine/stock/mirror.ts';
import { tf } from '../../../submission/engine/tensorflow.ts';
import { convolutions, initialWeights } from '../../../submission/model/resnet9.ts';

const architecture = { width: 0.25, classes: 4, celuAlpha: 0.3, logitScale: 1 / 16 };

test.each([false, true])(
  'with diracInit the first channels copy the inputs, mirrorFilters=%s',
  (mirrorFilters) => {
    const of = (diracInit: boolean) => initialWeights({ ...architecture, mirrorFilters }, 1, diracInit);
    const [copying, random] = [of(true), of(false)];
    expect(Object.keys(copying)).toEqual(Object.keys(random));
    for (const { name, in: input, out } of convolutions(architecture.width)) {
      const [filter, plain] = [copying, random].map((weights) => {
        const stored = weights[`${name}.filter`]!;
        return tf
          .reshape(mirrorFilters ? mirrored(stored, true) : stored, [9, input, out])
          .arraySync() as number[][][];
      }) as [number[][][], number[][][]];
      // A half of the outputs copies the half of the inputs.
      const halves = mirrorFilters ? 2 : 1;
      for (let tap = 0; tap < 9; tap += 1) {
        for (let from = 0; from < input; from += 1) {
          for (let to = 0; to < out; to += 1) {
            const half = Math.floor(to / (out / halves));
            const place = to % (out / halves);
            const copies = place < input / halves;
            const own = tap === 4 && from === half * (input / halves) + place ? 1 : 0;
            if (filter[tap]![from]![to] !== (copies ? own : plain[tap]![from]![to])) {
              throw new Error(`${name} [${tap}, ${from}, ${to}] is ${filter[tap]![from]![to]}`);
            }
          }
        }
      }
    }
  },
);
