import { expect, test } from '@jest/globals';
import { wrapWords } from '../../../evaluator/sandbox/bubblewrap/wrapWords.ts';
import { containerWords } from '../../../evaluator/sandbox/docker/containerWords.ts';
import type { StageSpec } from '../../../evaluator/sandbox/sandbox.ts';

const limits = { cpus: 1, memoryBytes: 1, processes: 1, workBytes: 1, outBytes: 1, outFiles: 1 };
const spec: StageSpec = {
  ...{ argv: ['true'], cwd: '/entry', environment: {}, progress: false, mounts: [] },
  ...{ out: { host: '/o', inside: '/out' }, work: '/work', limits },
};
const gpus = ['1', '3'].map((minor) => ({
  uuid: `GPU-${minor}`,
  model: 'L4',
  device: `/dev/nvidia${minor}`,
}));
const parts = { name: 'c', base: { image: 'i', runtime: undefined }, pipe: null, names: [] };

test('bubblewrap shows the devices of the GPUs of a stage, and those that they share, before /dev is read-only', () => {
  const words = wrapWords({ ...spec, gpus }, []).join(' ');
  expect(words).toMatch(
    / --dev \/dev --dev-bind-try \/dev\/nvidiactl \/dev\/nvidiactl .*--dev-bind \/dev\/nvidia1 \/dev\/nvidia1 --dev-bind \/dev\/nvidia3 \/dev\/nvidia3 .*--remount-ro \/dev /,
  );
  expect(words).not.toContain('/dev/nvidia0');
});

test('a container is given the GPUs of its stage, by name', () => {
  const words = containerWords({ ...spec, gpus }, parts);
  expect(words[words.indexOf('--gpus') + 1]).toBe('"device=GPU-1,GPU-3"');
});

test('a stage without GPUs is shown none', () => {
  for (const none of [spec, { ...spec, gpus: [] }]) {
    expect(wrapWords(none, []).join(' ')).not.toContain('nvidia');
    expect(containerWords(none, parts)).not.toContain('--gpus');
  }
});
