import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { createSlurmView } from '../../cli/slurmView.ts';
import type { Seen } from '../../evaluator/slurm/seen.ts';

const running: Seen = {
  ...{ label: 'a.tar.gz, seed 1', state: 'running', node: 'n1', what: 'train' },
  ...{ seconds: 312.4, accuracy: 0.7123 },
};
const queued: Seen = {
  ...{ label: 'b.tar.gz, seed 1', state: 'queued', node: null, what: 'Resources' },
  ...{ seconds: null, accuracy: null },
};

function viewOn(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream;
  const view = createSlurmView(stream, 720);
  const written = () => String((stream as unknown as PassThrough).read() ?? '');
  return { view, written };
}

test('a terminal shows one block, which is redrawn below every message', () => {
  const { view, written } = viewOn(true);
  view.show([running, queued]);
  const block = [
    'a.tar.gz, seed 1 on n1: train 312 s, 71.2 %',
    'queued: 1 (Resources)',
    'queued 1, running 1, done 0, failed 0, about 19 min left',
    '',
  ].join('\n');
  expect(written()).toBe(block);
  view.tell('Node n2 is left out');
  expect(written()).toBe(`\x1b[3A\x1b[JNode n2 is left out\n${block}`);
  view.ended(false);
  view.show([queued]);
  expect(written()).toContain('queued 1, running 0, done 1, failed 0');
  view.stop();
  expect(written()).toBe('\x1b[2A\x1b[J');
});

test('without a terminal a line is written when the counts change', () => {
  const { view, written } = viewOn(false);
  view.show([running, queued]);
  expect(written()).toBe(
    'queued 1, running 1, done 0, failed 0, about 19 min left; a.tar.gz, seed 1 on n1: train 312 s, 71.2 %\n',
  );
  view.show([running, queued]);
  expect(written()).toBe('');
  view.ended(true);
  view.show([running]);
  expect(written()).toContain('queued 0, running 1, done 0, failed 1');
});
