// Every sandbox gives an honest entry the same verdict with the same evidence. scripts/docker/checkImage.sh compares them
// with those inside the image.
import { chmod } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox, sandboxKinds } from '../../../evaluator/sandbox/createSandbox.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { createTurns } from '../../../evaluator/selfTest/turns.ts';
import { folderWithTrack, machine, plainImage } from '../fixtures.ts';
import { honestEntries } from './honest/entries.mjs';
import { tryHonest } from './honest/trial.mjs';

/** Runs at once. The sandbox `user` kills every process of the entries' user, so nothing runs beside it. */
const turns = createTurns([1, 2, 3]);
/** Entries that are run in the other sandboxes before `user` has its turn. */
const batchSize = 8;

type Result = Awaited<ReturnType<typeof tryHonest>> & { sandbox: string };
const results = new Map<string, Promise<Result>[]>(honestEntries.map(({ does }) => [does, []]));
const missing: string[] = [];

// All are started here; each test waits for its own.
beforeAll(async () => {
  const { folder, track } = await folderWithTrack();
  await chmod(folder, 0o755);
  const sandboxes: Sandbox[] = [];
  for (const kind of sandboxKinds) {
    const sandbox = await createSandbox(kind, { image: plainImage }).catch((error: Error) => error.message);
    if (typeof sandbox === 'string') missing.push(sandbox);
    else sandboxes.push(sandbox);
  }
  const start = (entry: (typeof honestEntries)[number], sandbox: Sandbox) => {
    const work = async () => ({
      sandbox: sandbox.kind,
      ...(await tryHonest({ runEntry, folder, track, machine }, entry, sandbox)),
    });
    const result = sandbox.kind === 'user' ? turns.alone(work) : turns.inOne(work);
    result.catch(() => {}); // reported by its test
    results.get(entry.does)!.push(result);
  };
  for (let first = 0; first < honestEntries.length; first += batchSize) {
    const batch = honestEntries.slice(first, first + batchSize);
    for (const entry of batch) for (const each of sandboxes) if (each.kind !== 'user') start(entry, each);
    for (const entry of batch.filter(({ needsImage }) => !needsImage))
      for (const each of sandboxes) if (each.kind === 'user') start(entry, each);
  }
});
afterAll(async () => {
  await Promise.allSettled([...results.values()].flat());
});

(process.env.HAET_EVERY_SANDBOX ? test : test.skip)('no sandbox is missing', () => {
  expect(missing).toEqual([]);
});

test.each(honestEntries)('an entry that $does gets $gets everywhere', async ({ does, gets, because }) => {
  const found = await Promise.all(results.get(does)!);
  const [{ evidence }] = found as [Result, ...Result[]];
  expect(found).toEqual(found.map(({ sandbox }) => ({ sandbox, verdict: gets, evidence })));
  if (because !== undefined) expect(evidence).toContainEqual(expect.stringMatching(because));
});
