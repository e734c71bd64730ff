import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { IMAGE_BYTES } from '../../datasets/source.ts';
import type { TrackInfo } from '../../datasets/track.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { writeReport } from '../../evaluator/report/report.ts';
import { runEntry } from '../../evaluator/run/runEntry.ts';
import { createProcessSandbox } from '../../evaluator/sandbox/process/process.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const python = process.env.HAET_TORCH_PYTHON ?? 'python3';

let folder: string;
let info: TrackInfo;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haet-examples-'));
  ({ info } = await makeTrack(coloursSource(), {
    trainPerClass: 20,
    testPerClass: 10,
    seed: 1,
    out: join(folder, 'track'),
  }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Makes three classes, each a noisy colour, which a few steps can learn. */
function coloursSource() {
  const perClass = 40;
  const classes = ['red', 'green', 'blue'];
  const labels = Uint8Array.from({ length: classes.length * perClass }, (_, at) => at % classes.length);
  const images = Uint8Array.from({ length: labels.length * IMAGE_BYTES }, (_, at) => {
    const image = Math.floor(at / IMAGE_BYTES);
    const noise = (at * 2654435761 + image * 40503) % 97;
    return noise + (at % 3 === labels[image] ? 140 : 30);
  });
  return { kind: 'synthetic' as const, description: 'Three colours', classes, train: { images, labels } };
}

async function dryRun(entryPath: string, trainSeconds: number) {
  const trackDir = join(folder, 'track');
  const record = await runEntry(
    {
      entryPath,
      track: { dir: trackDir, info },
      runsFolder: join(folder, 'runs'),
      seed: 1,
      limits: { trainSeconds },
      machine: await describeMachine(),
    },
    await createProcessSandbox(),
  );
  const report = await readFile(await writeReport(record.folder, { trackDir }), 'utf8');
  return { record, report };
}

test('the smallest entry is scored like guessing', async () => {
  const { record, report } = await dryRun(join(examples, 'shell'), 20);
  expect(record).toMatchObject({ verdict: 'SCORED', progress: { lines: 1, rejected: 0 } });
  expect(record.score!.correct).toBe(10);
  expect(report).toContain('The most common label');
});

describe.each([
  ['pytorch', 'torch'],
  ['numpy', 'numpy'],
])('the entry in %s', (name, module) => {
  const runnable = canImport(module);
  const title = runnable
    ? 'learns within a short budget and ends by itself'
    : `is not run: ${python} cannot import ${module} (name one that can in HAET_TORCH_PYTHON)`;

  (runnable ? test : test.skip)(
    title,
    async () => {
      const entry = join(folder, name);
      await cp(join(examples, name), entry, { recursive: true });
      const manifest = JSON.parse(await readFile(join(entry, 'haet.json'), 'utf8'));
      for (const stage of ['train', 'predict']) manifest[stage][0] = pythonPath();
      await writeFile(join(entry, 'haet.json'), JSON.stringify(manifest));

      const { record, report } = await dryRun(entry, 45);
      expect(record).toMatchObject({ verdict: 'SCORED', progress: { rejected: 0 } });
      expect(record.progress.lines).toBeGreaterThan(0);
      expect(record.score!.accuracy).toBeGreaterThan(0.5);
      expect(report).toContain(manifest.name);
    },
    180_000,
  );
});

function canImport(module: string): boolean {
  try {
    execFileSync(python, ['-c', `import ${module}, numpy`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The interpreter's own path, because an entry gets another PATH than this test. */
function pythonPath(): string {
  return execFileSync(python, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
}
