// Every sandbox gives an honest entry the same verdict with the same evidence. scripts/docker/checkImage.sh compares them
// with those inside the image.
import { chmod } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox, sandboxKinds } from '../../../evaluator/sandbox/createSandbox.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { createTurns } from '../../../evaluator/selfTest/turns.ts';
import { folderWithTrack, machine, plainImage } from '../fixtures.ts';
import { type OwnNamespaces, openOwnNamespaces } from '../ownNamespaces.ts';
import { honestEntries } from './honest/entries.mjs';
import { tryHonest } from './honest/trial.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Runs at once, beside those in the sandbox `user`. */
const turns = createTurns([1, 2, 3]);

type Result = Awaited<ReturnType<typeof tryHonest>> & { sandbox: string };
const results = new Map<string, Promise<Result>[]>(honestEntries.map(({ does }) => [does, []]));
/** Of the sandbox `user`, which takes every process of the entries' user for its own. */
let apart: OwnNamespaces | null = null;
/** What printVerdicts.mjs prints of the sandbox `user`. */
let linesOfUser: Promise<readonly string[]> | null = null;
const missing: string[] = [];

// All are started here; each test waits for its own.
beforeAll(async () => {
  const { folder, track } = await folderWithTrack();
  await chmod(folder, 0o755);
  const sandboxes: Sandbox[] = [];
  apart = openOwnNamespaces();
  for (const kind of sandboxKinds) {
    // This one refuses to work while entries run elsewhere; in namespaces of its own they are not there.
    if (kind === 'user' && apart !== null) continue;
    const sandbox = await createSandbox(kind, { image: plainImage }).catch((error: Error) => error.message);
    if (typeof sandbox === 'string') missing.push(sandbox);
    else sandboxes.push(sandbox);
  }
  for (const entry of honestEntries) {
    for (const sandbox of sandboxes.filter(({ kind }) => kind !== 'user')) {
      const result = turns.inOne(async () => ({
        sandbox: sandbox.kind,
        ...(await tryHonest({ runEntry, folder, track, machine }, entry, sandbox)),
      }));
      result.catch(() => {}); // reported by its test
      results.get(entry.does)!.push(result);
    }
  }
  if (apart !== null || sandboxes.some(({ kind }) => kind === 'user')) {
    const before = apart === null ? [...results.values()].flat() : [];
    linesOfUser = Promise.allSettled(before).then(printVerdicts);
    linesOfUser.catch(() => {}); // reported by each test
  }
});
afterAll(async () => {
  await Promise.allSettled([...results.values(), linesOfUser].flat());
  await apart?.close();
}, 600_000);

async function printVerdicts(): Promise<readonly string[]> {
  const print = [process.execPath, 'test/evaluator/sandbox/honest/printVerdicts.mjs', '.', 'user'];
  const [program, ...words] = [...(apart?.words ?? []), ...print];
  // It fails because the entries that need the image get another verdict here.
  const { stdout, stderr } = await execa(program!, words, { cwd: root, reject: false });
  if (stderr !== '') throw new Error(stderr);
  return stdout.split('\n');
}

(process.env.HAET_EVERY_SANDBOX ? test : test.skip)('no sandbox is missing', () => {
  expect(missing).toEqual([]);
});

test.each(honestEntries)(
  'an entry that $does gets $gets everywhere',
  async ({ does, gets, because, needsImage }) => {
    const found = await Promise.all(results.get(does)!);
    const [{ evidence }] = found as [Result, ...Result[]];
    expect(found).toEqual(found.map(({ sandbox }) => ({ sandbox, verdict: gets, evidence })));
    if (because !== undefined) expect(evidence).toContainEqual(expect.stringMatching(because));
    if (linesOfUser === null || needsImage) return;
    const ofUser = (await linesOfUser).filter((line) => line.startsWith(`${does}: `));
    expect(ofUser).toEqual([`${does}: ${[gets, ...evidence].join('; ')}`]);
  },
  // Each waits for all in the sandbox `user`.
  600_000,
);
