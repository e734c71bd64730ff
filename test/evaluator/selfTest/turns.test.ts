import { expect, test } from '@jest/globals';
import { createTurns } from '../../../evaluator/selfTest/turns.ts';

/** Creates jobs that log their start and their slot, and end on request. */
function logged() {
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => async (place: string) => {
    log.push(`${name} in ${place}`);
    await new Promise<void>((end) => ends.set(name, end));
    return name;
  };
  return { log, work, end: (name: string) => ends.get(name)!() };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('runs as many jobs at once as there are slots, in the order of the requests', async () => {
  const { log, work, end } = logged();
  const turns = createTurns(['left', 'right']);
  const all = ['a', 'b', 'c'].map((name) => turns.inOne(work(name)));
  await settle();
  expect(log).toEqual(['a in left', 'b in right']);
  end('b');
  await settle();
  expect(log.slice(2)).toEqual(['c in right']);
  end('a');
  end('c');
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
});

test('a job that must run alone waits for all before it, and all after it wait for it', async () => {
  const { log, work, end } = logged();
  const turns = createTurns(['left', 'right']);
  void turns.inOne(work('a'));
  void turns.alone(work('alone'));
  void turns.inOne(work('b'));
  void turns.inOne(work('c'));
  await settle();
  expect(log).toEqual(['a in left']);
  end('a');
  await settle();
  expect(log.slice(1)).toEqual([expect.stringMatching(/^alone in /)]);
  end('alone');
  await settle();
  expect(log.slice(2)).toEqual([expect.stringMatching(/^b in /), expect.stringMatching(/^c in /)]);
});

test('a slot is free again after a failed job', async () => {
  const turns = createTurns(['only']);
  await expect(turns.inOne(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await turns.alone(async (place) => place)).toBe('only');
});
