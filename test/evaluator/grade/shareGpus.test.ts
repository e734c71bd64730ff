import { expect, test } from '@jest/globals';
import { shareGpus } from '../../../evaluator/grade/shareGpus.ts';

const gpus = [0, 1, 2, 3].map((minor) => ({
  uuid: `GPU-${minor}`,
  model: 'L4',
  device: `/dev/nvidia${minor}`,
}));
const visible = (...given: Parameters<typeof shareGpus>) =>
  shareGpus(...given).shares.map((share) => share?.visible);

test('runs at once without isolation get one GPU each, no two the same', () => {
  const { shares, told } = shareGpus(3, undefined, false, gpus);
  expect(shares.map((share) => share?.gpus)).toEqual([[gpus[0]], [gpus[1]], [gpus[2]]]);
  expect(told).toBeNull();
  expect(visible(3, undefined, false, gpus)).toEqual(['GPU-0', 'GPU-1', 'GPU-2']);
});

test('if there are fewer GPUs than runs at once, no run has one, and this is said', () => {
  expect(visible(3, undefined, false, gpus.slice(2))).toEqual(['', '', '']);
  expect(shareGpus(3, undefined, false, gpus.slice(2)).told).toBe(
    'No run sees a GPU: 3 runs at once, but this process may use 2.',
  );
});

test('a single run, a sandbox and a machine without GPUs are left as they are', () => {
  expect(visible(1, undefined, false, gpus)).toEqual([undefined]);
  expect(visible(2, undefined, true, gpus)).toEqual([undefined, undefined]);
  expect(visible(2, undefined, false, [])).toEqual([undefined, undefined]);
});

test('the number that was asked for is given in every sandbox, or refused with both numbers', () => {
  expect(visible(2, 2, true, gpus)).toEqual(['GPU-0,GPU-1', 'GPU-2,GPU-3']);
  expect(visible(1, 1, false, gpus)).toEqual(['GPU-0']);
  expect(visible(2, 0, false, gpus)).toEqual(['', '']);
  expect(() => shareGpus(3, 2, true, gpus)).toThrow(
    '--gpus 2: needs 6 GPUs, 2 per run, but this process may use 4. Give fewer --gpus or fewer --jobs.',
  );
  expect(() => shareGpus(1, 1, false, [])).toThrow('this process may use 0');
});
