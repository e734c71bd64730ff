import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createProgressView } from '../../cli/progressView.ts';
import type { ProgressLine } from '../../evaluator/contract.ts';

function viewOn(options: { isTTY: boolean; columns?: number }) {
  const stream = Object.assign(new PassThrough(), options) as unknown as NodeJS.WriteStream;
  const view = createProgressView({ stream, budgetSeconds: 600, trainSize: 5000 });
  const text = () => String((stream as unknown as PassThrough).read() ?? '');
  return { view, text };
}

const line: ProgressLine = { step: 100, epoch: 5, loss: 1.2345, accuracy: 0.5, imagesPerSecond: 612.4 };

describe('the progress view without a terminal', () => {
  test('prints a first line at once, then one about every 15 s of the clock, at any rate of progress lines', () => {
    const { view, text } = viewOn({ isTTY: false });
    for (let at = 0; at <= 45; at += 0.01) view.update(line, at);
    view.stop();
    const seconds = [...text().matchAll(/^train (\d+)\/600 s/gm)].map(([, value]) => Number(value));
    expect(seconds).toEqual([0, 15, 30, 45]);
  });

  test('prints all known values, without control characters', () => {
    const { view, text } = viewOn({ isTTY: false });
    view.update(line, 20);
    view.stop();
    expect(text()).toBe('train 20/600 s, epoch 5.0, 612 images/s, loss 1.234, acc 50.0 %\n');
  });

  test('derives images/s from the epochs if the entry does not report them', () => {
    const { view, text } = viewOn({ isTTY: false });
    view.update({ step: 1, epoch: 2 }, 20);
    view.stop();
    expect(text()).toBe('train 20/600 s, epoch 2.0, 500 images/s\n');
  });

  test('advances with the clock while the entry reports nothing', () => {
    const { view, text } = viewOn({ isTTY: false });
    for (let at = 0; at <= 31; at++) view.tick(at);
    view.stop();
    expect(text().match(/train/g)).toHaveLength(4);
  });

  test('ends a stage with its last state and starts the next at once', () => {
    const { view, text } = viewOn({ isTTY: false });
    view.stage('train');
    view.update(line, 3);
    view.stage('predict');
    view.tick(2);
    view.stop();
    expect(text().trim().split('\n')).toEqual([
      'train 0/600 s',
      'train 3/600 s, epoch 5.0, 612 images/s, loss 1.234, acc 50.0 %',
      'predict 0 s',
      'predict 2 s',
    ]);
  });
});

describe('the progress view on a terminal', () => {
  test.each([40, 80, 200])('keeps to one line of %i columns', (columns) => {
    const { view, text } = viewOn({ isTTY: true, columns });
    view.update(line, 300);
    view.stop();
    const drawn = stripVTControlCharacters(text()).split(/[\r\n]+/);
    expect(drawn.join('')).toContain('train ██████████░░░░░░░░░░');
    for (const shown of drawn) expect(shown.length).toBeLessThan(2 * columns);
  });

  test('ignores progress after its end', () => {
    const { view, text } = viewOn({ isTTY: true, columns: 80 });
    view.tick(1);
    view.stop();
    text();
    view.update(line, 2);
    view.stage('predict');
    view.stop();
    expect(text()).toBe('');
  });
});

test('no value that an entry can send breaks either view', () => {
  const value = fc.option(fc.double(), { nil: undefined });
  const odd = fc.record({ step: value, epoch: value, loss: value, accuracy: value, imagesPerSecond: value });
  fc.assert(
    fc.property(fc.boolean(), fc.array(fc.tuple(odd, fc.double())), (isTTY, sent) => {
      const { view, text } = viewOn({ isTTY, columns: 80 });
      for (const [said, at] of sent) view.update(said as ProgressLine, at);
      view.stop();
      expect(text()).not.toMatch(/NaN|Infinity|undefined/);
    }),
  );
});
