import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { waitForQuiet } from '../../../evaluator/machine/quiet.ts';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox, type SandboxKind } from '../../../evaluator/sandbox/createSandbox.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { describeWith, machine, makeEntry, makeTinyTrack, plainImage, temporaryFolder } from '../fixtures.ts';

let folder: string;
let track: Awaited<ReturnType<typeof makeTinyTrack>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await chmod(folder, 0o755);
  track = await makeTinyTrack(folder);
});

const burnFor = (seconds: number) =>
  `end=$(($(date +%s) + ${seconds})); while [ $(date +%s) -lt $end ]; do n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done; done`;
/**
 * Works in orphans, in sessions of their own, in short-lived children, floods its output and makes the kernel write.
 */
const makesWork = `
  cp /bin/sh "$HAET_WORK_DIR/entryburn"
  for n in 1 2; do (setsid "$HAET_WORK_DIR/entryburn" -c '${burnFor(2)}' &); done
  (for n in $(seq 300); do "$HAET_WORK_DIR/entryburn" -c 'n=0; while [ $n -lt 2000 ]; do n=$((n+1)); done'; done &)
  head -c 20M /dev/zero
  head -c 50M /dev/zero > "$HAET_WORK_DIR/zeros"
  sleep 2.5
  echo x > "$HAET_OUT_DIR/model"`;

/** Keeps a CPU busy for four seconds with a program that is not a descendant of this process, like another user's. */
async function foreignWork(): Promise<void> {
  const program = join(await mkdtemp(join(folder, 'foreign-')), 'foreignburn');
  await copyFile('/bin/sh', program);
  await chmod(program, 0o755);
  execFileSync('sh', ['-c', `setsid ${program} -c '${burnFor(4)}' >/dev/null 2>&1 &`]);
}

async function contentionOf(sandbox: Sandbox, train: string) {
  const entry = await makeEntry(folder, { train });
  const runsFolder = join(folder, 'runs');
  await mkdir(runsFolder, { recursive: true });
  const limits = { trainSeconds: 20, predictSeconds: 20 };
  const plan = {
    entryPath: entry,
    track,
    runsFolder,
    seed: 1,
    cpus: 1,
    memoryBytes: 2 ** 29,
    machine,
    limits,
  };
  const { stages, verdict, evidence } = await runEntry(plan, sandbox);
  expect({ verdict, evidence }).toMatchObject({ verdict: 'SCORED' });
  return { ...stages[0]!.contention!, evidence };
}

const kinds: [string, SandboxKind, () => Promise<Sandbox>][] = [
  ['process', 'process', () => createProcessSandbox()],
  ['process without a namespace', 'process', () => createProcessSandbox('tree')],
  ['bubblewrap', 'bubblewrap', () => createSandbox('bubblewrap')],
  ['docker', 'docker', () => createSandbox('docker', { image: plainImage })],
];

for (const [title, kind, create] of kinds) {
  (await describeWith(kind))(`under ${title}`, () => {
    test('an entry cannot make its own run look disturbed, whatever it runs', async () => {
      const { busiest } = await contentionOf(await create(), makesWork);
      expect(busiest.map((each) => each.command)).not.toContain('entryburn');
    });
  });
}

describe('another program', () => {
  test('is named if it is busy before a run, which starts after the wait with a remark', async () => {
    await foreignWork();
    const told: string[] = [];
    const look = { cpus: 1, most: 0.3, patienceSeconds: 0.1 };
    const remarks = await waitForQuiet(look, (sentence) => told.push(sentence), new AbortController().signal);
    expect(remarks).toEqual([expect.stringMatching(/^before the run, others used \d+ % of the 1 CPUs/)]);
    await foreignWork();
    const stop = new AbortController();
    const waiting = waitForQuiet(
      { ...look, patienceSeconds: 60 },
      (sentence) => told.push(sentence),
      stop.signal,
    );
    while (told.length === 0) await sleep(50);
    stop.abort();
    expect(await waiting).toEqual([]);
    expect(told).toEqual([expect.stringMatching(/^The machine is busy: .*foreignburn.*Waiting\.$/)]);
  });

  test('is found with its name and time, and the evidence states that it disturbed', async () => {
    await foreignWork();
    const found = await contentionOf(
      await createProcessSandbox(),
      'sleep 3.2; echo x > "$HAET_OUT_DIR/model"',
    );
    const foreign = found.busiest.find((each) => each.command === 'foreignburn');
    // More than one sample sees.
    expect(foreign!.cpuSeconds).toBeGreaterThan(1.8);
    expect(found.othersCpuSeconds).toBeGreaterThanOrEqual(foreign!.cpuSeconds);
    expect(found.evidence.join('; ')).toMatch(
      /train: disturbed: others used \d+\.\d CPU seconds .* of the given 1 CPUs/,
    );
  });
});
