import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import {
  addCanaryOptions,
  type CanaryOptions,
  requireCanaryOptions,
} from '../../cli/options/canaryOptions.ts';

const parsed = (...words: string[]): CanaryOptions =>
  addCanaryOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }))
    .parse(words, { from: 'user' })
    .opts();

test.each<[string, object]>([
  ['92..94.5', { low: 92, high: 94.5 }],
  ['92..', { low: 92, high: null }],
  ['..94', { low: null, high: 94 }],
  ['93..93', { low: 93, high: 93 }],
])('the band %s', (text, band) => {
  expect(parsed('--canary-accuracy', text).canaryAccuracy).toEqual(band);
  expect(parsed('--canary-images-per-second', text).canaryImagesPerSecond).toEqual(band);
});

test.each(['..', '', '92', '94..92', '92..101', '-1..5', 'a..b', '1..2..3', '92...94', '92-94'])(
  'no band: %p',
  (text) => {
    expect(() => parsed('--canary-accuracy', text)).toThrow('Expected LOW..HIGH');
  },
);

test('images per second have no upper limit', () => {
  expect(parsed('--canary-images-per-second', '1e6..2e6').canaryImagesPerSecond).toEqual({
    low: 1e6,
    high: 2e6,
  });
});

test('a canary needs a band, and its options need a canary', () => {
  const onThis = { executor: 'local' as const };
  expect(() => requireCanaryOptions({ ...onThis, ...parsed('--canary', 'c.tar.gz') })).toThrow(
    '--canary: has no band, so nothing could be found wrong',
  );
  for (const words of [
    ['--canary-accuracy', '92..'],
    ['--canary-images-per-second', '9..'],
    ['--canary-every', '5'],
  ]) {
    expect(() => requireCanaryOptions({ ...onThis, ...parsed(...words) })).toThrow(
      `${words[0]}: needs --canary`,
    );
    if (words[0] === '--canary-every') continue;
    const all = { ...onThis, ...parsed('--canary', 'c.tar.gz', '--canary-every', '5', ...words) };
    expect(() => requireCanaryOptions(all)).not.toThrow();
  }
  expect(() => requireCanaryOptions(onThis)).not.toThrow();
});

test('on nodes that several runs share, its speed would say nothing', () => {
  const canary = parsed('--canary', 'c.tar.gz', '--canary-accuracy', '92..');
  const shared = { ...canary, executor: 'slurm' as const, slurmOption: ['--cpus-per-task=4'] };
  expect(() => requireCanaryOptions(shared)).toThrow('--canary: needs nodes that a run has for itself');
  expect(() => requireCanaryOptions({ ...shared, slurmOption: ['--constraint=epyc'] })).not.toThrow();
});
