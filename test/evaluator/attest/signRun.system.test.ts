import { createPublicKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readHead } from '../../../evaluator/attest/chain.ts';
import { writeOfficialRecord } from '../../../evaluator/attest/signRun.ts';
import { verifyRecord } from '../../../evaluator/attest/verifyRecord.ts';
import { hashFolder } from '../../../evaluator/intake/loadEntry.ts';
import { type RunHooks, type RunPlan, runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox } from '../../../evaluator/sandbox/createSandbox.ts';
import {
  allHeld,
  constantPredictions,
  type EntryScripts,
  folderWithTrack,
  good,
  planOf,
  type TinyTrack,
} from '../fixtures.ts';
import { sha256, signingKey } from './madeUpOfficial.ts';

let folder: string;
let track: TinyTrack;
beforeAll(async () => {
  ({ folder, track } = await folderWithTrack());
});

const key = createPublicKey(signingKey);
const facts = { image: null };

async function run(scripts: EntryScripts, limits: RunPlan['limits'] = {}, hooks: RunHooks = {}) {
  const plan = await planOf({ folder, track }, scripts, limits);
  // Stands in for a sandbox that enforces limits: only its runs are signed.
  return runEntry(plan, { ...(await createSandbox('process')), holds: allHeld }, hooks);
}

/** Runs, signs, and verifies the written record. */
async function attested(...run_: Parameters<typeof run>) {
  const record = await run(...run_);
  const path = await writeOfficialRecord(record, facts, signingKey, join(folder, 'runs'));
  expect(path).toBe(join(record.folder, 'record.jws'));
  const { checks, official } = await verifyRecord(await readFile(path), { key });
  expect(checks.filter((check) => !check.holds)).toEqual([]);
  expect(official!.record).toEqual(JSON.parse(JSON.stringify(record)));
  return official!;
}

describe('the official record of a run', () => {
  test("is valid for a scored run, with hashes of the entry's output", async () => {
    const { record, digests, killReceipts } = await attested({});
    expect(record.verdict).toBe('SCORED');
    expect(digests).toEqual({
      image: null,
      archive: null,
      sealedSet: null,
      entry: record.entry!.sha256,
      trainImages: track.info.sha256['train/images.npy'],
      trainLabels: track.info.sha256['train/labels.npy'],
      predictions: sha256(constantPredictions(1000)),
      model: await hashFolder(join(record.folder, 'model')),
      evaluatorCommit: record.evaluator.commit,
    });
    expect(killReceipts).toEqual(
      ['train', 'predict', 'predict-again'].map((stage) => ({
        stage,
        processesLeft: 0,
        killedProcesses: 0,
        millisecondsAfterDeadline: null,
      })),
    );
    expect((await readdir(record.folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('is valid for a run stopped at its deadline, with the duration of the kill', async () => {
    const { record, killReceipts } = await attested(
      { train: `${good.train}; sleep 100 & sleep 100` },
      { trainSeconds: 1.5 },
    );
    expect(record.verdict).toBe('SCORED_SALVAGED');
    expect(killReceipts[0]!.killedProcesses).toBeGreaterThanOrEqual(2);
    expect(killReceipts[0]!.millisecondsAfterDeadline).toBeGreaterThan(0);
    expect(killReceipts[0]!.millisecondsAfterDeadline).toBe(record.stages[0]!.kill!.overshootMs);
  });

  test.each<[string, string, EntryScripts]>([
    ['SCORED', 'left processes behind', { train: `${good.train}; sleep 100 & exit 0` }],
    ['CRASHED', 'crashed', { train: 'exit 3' }],
    ['INVALID_OUTPUT', 'predicted nonsense', { predict: 'echo no > "$HAET_OUT_DIR/predictions.npy"' }],
    ['REJECTED_ARCHIVE', 'was never started', { manifest: { schemaVersion: 9 } }],
    ['CRASHED', 'names a missing program', { manifest: { train: ['no-such-program'] } }],
  ])('is valid with %s of an entry that %s', async (verdict, _, scripts) => {
    expect((await attested(scripts)).record.verdict).toBe(verdict);
  });

  test('is valid for a run that a person interrupted', async () => {
    const interrupt = new AbortController();
    const onStage = () => setTimeout(() => interrupt.abort(), 800);
    const scripts = { train: `${good.train}; sleep 100` };
    const { record } = await attested(scripts, {}, { interrupt: interrupt.signal, onStage });
    expect(record.verdict).toBe('SCORED_SALVAGED');
  });

  test('is valid whatever an entry puts in the place of its output; nothing is followed or blocks', async () => {
    const { record, digests } = await attested({
      train: 'ln -s /etc/passwd "$HAET_OUT_DIR/link"; mkfifo "$HAET_OUT_DIR/pipe"',
      predict: 'mkfifo "$HAET_OUT_DIR/predictions.npy"',
    });
    expect(record.score).toBeNull();
    expect(digests).toMatchObject({ predictions: null, model: null });
  });

  test('is not written for a run in which a limit was not enforced, and the chain does not advance', async () => {
    const record = await run({ train: 'exit 1' });
    record.sandbox.holds = { ...allHeld, memory: false };
    const before = readHead(join(folder, 'runs'));
    await expect(writeOfficialRecord(record, facts, signingKey, join(folder, 'runs'))).rejects.toThrow(
      'it would not verify: the process sandbox did not enforce memory',
    );
    expect(await readdir(record.folder)).not.toContain('record.jws');
    expect(readHead(join(folder, 'runs'))).toEqual(before);
  });

  test('is not written for a run without its own folder', async () => {
    const record = { ...(await run({ train: 'exit 1' })), folder };
    await expect(writeOfficialRecord(record, facts, signingKey, folder)).rejects.toThrow('record.json');
    expect(await readdir(folder)).not.toContain('record.jws');
  });
});
