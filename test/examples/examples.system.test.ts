import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { type TemplateName, templateNames } from '../../cli/templates.ts';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { IMAGE_BYTES } from '../../datasets/source.ts';
import type { TrackInfo } from '../../datasets/track.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { writeReport } from '../../evaluator/report/report.ts';
import { runEntry } from '../../evaluator/run/runEntry.ts';
import { createProcessSandbox } from '../../evaluator/sandbox/process/process.ts';

const bin = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url));
const haet = (...words: string[]) => execa(process.execPath, [bin, ...words], { cwd: folder });

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

/** Seconds of training, the module that Python must have, and the fewest correct answers of 30. */
const expected: Record<TemplateName, { seconds: number; module?: string; correct: number }> = {
  pytorch: { seconds: 30, module: 'torch', correct: 16 },
  numpy: { seconds: 45, module: 'numpy', correct: 16 },
  tensorflowjs: { seconds: 20, correct: 16 },
  shell: { seconds: 20, correct: 10 },
};

/** The PATH of a stage, which is not the PATH of this test. */
const stagePath = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;

/** Returns the Python of an entry: `python3` as in haet.json, or HAET_TORCH_PYTHON; null if none has the module. */
function pythonWith(module: string): string | null {
  const programs = ['python3', ...(process.env.HAET_TORCH_PYTHON ? [process.env.HAET_TORCH_PYTHON] : [])];
  const canImport = (program: string) => {
    try {
      execFileSync(program, ['-c', `import ${module}, numpy`], { stdio: 'ignore', env: { PATH: stagePath } });
      return true;
    } catch {
      return false;
    }
  };
  return programs.find(canImport) ?? null;
}

test('every example is a template, with a README of at most ten lines of text', async () => {
  expect((await readdir(new URL('../../examples', import.meta.url))).sort()).toEqual(
    [...templateNames].sort(),
  );
  for (const name of templateNames) {
    const readme = await readFile(new URL(`../../examples/${name}/README.md`, import.meta.url), 'utf8');
    expect(readme.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10);
  }
});

for (const name of templateNames) {
  const { seconds, module, correct } = expected[name];
  const python = module === undefined ? 'python3' : pythonWith(module);
  const title = `the template ${name} passes check and is scored as it is`;
  (python === null ? test.skip : test)(
    python === null ? `${title} (skipped: no python3 with ${module}; name one in HAET_TORCH_PYTHON)` : title,
    async () => {
      await haet('init', name, '--template', name);
      const entry = join(folder, name);
      if (python !== 'python3') await replacePython(join(entry, 'haet.json'), python!);
      expect((await haet('check', name)).stdout).toContain(`${name} by my team: ready to send`);

      const { record, report } = await dryRun(entry, seconds);
      expect(record).toMatchObject({ verdict: 'SCORED', progress: { rejected: 0 } });
      expect(record.progress.lines).toBeGreaterThan(0);
      expect(record.score!.correct).toBeGreaterThanOrEqual(correct);
      expect(report).toContain(name);
    },
    180_000,
  );
}

async function replacePython(manifest: string, python: string): Promise<void> {
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replaceAll('"python3"', JSON.stringify(python)));
}
