import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { buildOfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox } from '../../../evaluator/sandbox/createSandbox.ts';
import { describeWith, machine, makeEntry, makeTinyTrack, plainImage, temporaryFolder } from '../fixtures.ts';

const survivors: ChildProcess[] = [];
afterEach(() => {
  for (const each of survivors.splice(0)) each.kill('SIGKILL');
});

for (const kind of ['process', 'bubblewrap', 'docker'] as const) {
  const suite = await describeWith(kind);
  suite(`in the sandbox ${kind}`, () => {
    test('a process of the run that no kill reaches is counted, and the run is not scored', async () => {
      const folder = await temporaryFolder();
      const runsFolder = join(folder, 'runs');
      const record = await runEntry(
        {
          entryPath: await makeEntry(folder),
          track: await makeTinyTrack(folder),
          runsFolder,
          seed: 1,
          machine,
        },
        await createSandbox(kind, { image: plainImage }),
        {
          // Started as another program of this machine would start it for the entry: outside everything that contains
          // the stage.
          onStage(stage) {
            if (stage !== 'predict') return;
            const [runId] = readdirSync(runsFolder).filter((name) => !name.startsWith('.'));
            const env = { PATH: process.env.PATH, HAET_RUN_ID: runId };
            survivors.push(spawn('sleep', ['1000'], { env, detached: true }));
          },
        },
      );
      expect(record.stages.map(({ stage, processesLeft }) => [stage, processesLeft])).toEqual([
        ['train', 0],
        ['predict', 1],
      ]);
      expect(record).toMatchObject({ verdict: 'INFRA_FAULT', score: null });
      expect(record.evidence[0]).toContain('1 processes of the predict stage were still alive');
      const chain = { number: 1, previousSha256: null };
      const { killReceipts } = buildOfficialRecord(record, { image: null, predictions: null, chain });
      expect(killReceipts.map(({ processesLeft }) => processesLeft)).toEqual([0, 1]);
    });
  });
}
