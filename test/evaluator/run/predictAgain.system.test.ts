import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { runEntry } from '../../../evaluator/run/runEntry.ts';
import { createSandbox } from '../../../evaluator/sandbox/createSandbox.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { describeWith, type EntryScripts, folderWithTrack, planOf, type TinyTrack } from '../fixtures.ts';

let folder: string;
let track: TinyTrack;
beforeAll(async () => {
  ({ folder, track } = await folderWithTrack());
});

async function run(sandbox: Sandbox, scripts: EntryScripts, predictSeconds = 20) {
  return runEntry(await planOf({ folder, track }, scripts, { predictSeconds }), sandbox);
}

/** An entry that predicts well, and behaves differently in the second predict run; it is not isolated. */
const atSecondRun = (then: string): EntryScripts => ({
  predict: [
    `if [ -e "$HAET_MODEL_DIR/../seen" ]; then ${then}; fi`,
    'touch "$HAET_MODEL_DIR/../seen"',
    'cp constant.npy "$HAET_OUT_DIR/predictions.npy"',
  ].join('\n'),
});

describe('a second predict run', () => {
  test.each([
    ['fails', 'exit 3', 20, 'CRASHED', 'ended after [\\d.]+ s with exit status 3'],
    ['does not end', 'sleep 100', 1, 'PREDICT_TIMEOUT', 'was killed at its deadline of 1 s'],
    ['leaves nothing', 'exit 0', 20, 'NO_OUTPUT', 'wrote no predictions.npy'],
  ])('that %s is judged like the first', async (_, then, seconds, verdict, evidence) => {
    const record = await run(await createProcessSandbox(), atSecondRun(then), seconds);
    expect(record).toMatchObject({ verdict, owner: 'contestant', score: null });
    expect(record.evidence.join('\n')).toMatch(new RegExp(`predict, second run: ${evidence}`));
    expect(record.stages.map(({ stage }) => stage)).toEqual(['train', 'predict', 'predict-again']);
  });

  test('leaves the output of the first unchanged, and no output of its own', async () => {
    const record = await run(await createProcessSandbox(), {
      predict:
        'cp constant.npy "$HAET_OUT_DIR/predictions.npy"; echo of > "$HAET_OUT_DIR/process-$$"; chmod 0 "$HAET_OUT_DIR"/process-*',
    });
    expect(record).toMatchObject({ verdict: 'SCORED', score: { correct: 100 } });
    expect(await readdir(join(record.folder, 'predictions'))).toEqual(['predictions.npy']);
    expect(await readdir(record.folder)).not.toContain('.aside');
  });
});

const isolated = await describeWith('bubblewrap');
isolated('in a sandbox that isolates files', () => {
  test('an entry finds the same environment and folders in both predict runs', async () => {
    const look =
      'env | sort; ls -ldn "$HAET_OUT_DIR" "$HAET_WORK_DIR" "$HAET_MODEL_DIR" | cut -d" " -f1-4; ls -A /';
    const record = await run(await createSandbox('bubblewrap', { image: '' }), {
      predict: `${look}; ls -lAn "$(dirname "$HAET_TEST_IMAGES")" | cut -d" " -f1-5; cp constant.npy "$HAET_OUT_DIR/predictions.npy"`,
    });
    expect(record.verdict).toBe('SCORED');
    const [first, second] = await Promise.all(
      ['predict', 'predict-again'].map((stage) =>
        readFile(join(record.folder, `${stage}.stdout.log`), 'utf8'),
      ),
    );
    expect(first).toContain('HAET_STAGE=predict\n');
    expect(second).toBe(first);
  });
});
