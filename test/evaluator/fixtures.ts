import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from '@jest/globals';
import { formatNpy } from '../../datasets/npy.ts';
import { trackFiles } from '../../datasets/track.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import type { RunPlan } from '../../evaluator/run/runEntry.ts';
import { createSandbox, type SandboxKind } from '../../evaluator/sandbox/createSandbox.ts';
import type { Holds } from '../../evaluator/sandbox/holds.ts';
import { makeTinyTrack } from '../../evaluator/selfTest/tinyTrack.ts';

export { makeTinyTrack };

export const machine: RunRecord['machine'] = {
  cpu: 'test',
  cores: 1,
  memoryBytes: 2 ** 30,
  features: [],
  platform: 'linux',
  node: process.version,
};

/** Guarantees of a sandbox whose runs may be signed. */
export const allHeld: Holds = {
  memory: true,
  processes: true,
  cpus: true,
  output: true,
  network: true,
  files: true,
};

/** An image with a shell and Node, for entries that need nothing else. */
export const plainImage = process.env.HAET_TEST_IMAGE ?? 'node:24-bookworm-slim';

const made: string[] = [];
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true }).catch(() => {});
});

/**
 * Describes tests that need a sandbox: skipped with the reason if this machine does not have it, failed if
 * HAET_EVERY_SANDBOX requires it.
 */
export async function describeWith(kind: SandboxKind): Promise<(title: string, tests: () => void) => void> {
  const missing = await whyMissing(kind);
  if (missing === null) return describe;
  return (title, tests) => {
    if (process.env.HAET_EVERY_SANDBOX) {
      test(title, () => {
        throw new Error(missing);
      });
    } else describe.skip(`${title} (skipped: ${missing})`, tests);
  };
}

async function whyMissing(kind: SandboxKind): Promise<string | null> {
  return createSandbox(kind, { image: plainImage }).then(
    () => null,
    (error: Error) => error.message,
  );
}

/** Creates a folder that is removed after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'haet-test-'));
  made.push(folder);
  return folder;
}

/** Creates a folder that is removed after the tests of the file, with a tiny Track in it. */
export async function folderWithTrack(): Promise<{ folder: string; track: TinyTrack; trackDir: string }> {
  const folder = await temporaryFolder();
  const track = await makeTinyTrack(folder);
  return { folder, track, trackDir: track.dir };
}
export type TinyTrack = Awaited<ReturnType<typeof makeTinyTrack>>;

/** Returns the plan of a run of a new entry on a Track in a folder, with 20 s per stage. */
export async function planOf(
  { folder, track }: { readonly folder: string; readonly track: RunPlan['track'] },
  scripts: EntryScripts,
  limits: RunPlan['limits'] = {},
): Promise<RunPlan> {
  return {
    entryPath: await makeEntry(folder, scripts),
    track,
    runsFolder: join(folder, 'runs'),
    seed: 1,
    machine,
    limits: { trainSeconds: 20, predictSeconds: 20, ...limits },
  };
}

/** Shell script of an entry that trains by writing one file and predicts class 0 for every image. */
export const good = {
  train: 'echo weights > "$HAET_OUT_DIR/model"',
  predict: 'cp constant.npy "$HAET_OUT_DIR/predictions.npy"',
};

export interface EntryScripts {
  /** POSIX shell. */
  readonly train?: string;
  readonly predict?: string;
  /** Fields of haet.json that replace the valid ones. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Further files of the entry. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** Writes an entry of two shell scripts; a script that is not given is the valid one. */
export async function makeEntry(folder: string, scripts: EntryScripts = {}): Promise<string> {
  const entry = await mkdtemp(join(folder, 'entry-'));
  const put = (name: string, content: string | Uint8Array) => writeFile(join(entry, name), content);
  await put('train.sh', scripts.train ?? good.train);
  await put('predict.sh', scripts.predict ?? good.predict);
  await put('constant.npy', constantPredictions(1000));
  for (const [name, content] of Object.entries(scripts.files ?? {})) await put(name, content);
  await put(
    'haet.json',
    JSON.stringify({
      schemaVersion: 1,
      name: 'Fixture',
      team: 'tests',
      train: ['sh', 'train.sh'],
      predict: ['sh', 'predict.sh'],
      ...scripts.manifest,
    }),
  );
  await chmod(entry, 0o755);
  return entry;
}

/**
 * Writes an entry with given predictions. They depend on the content of each test image and not on its position,
 * because predict may be run again on the images in another order.
 *
 * @param trackDir Track with unencrypted test images
 * @param predictions .npy, float32 [testSize, 10], in the order of the test images
 */
export async function predictsByImage(trackDir: string, predictions: Uint8Array): Promise<EntryScripts> {
  const known = await readFile(join(trackDir, trackFiles.testImages));
  return {
    predict: 'exec node predict.mjs',
    files: { 'predict.mjs': lookUp, 'known.npy': known, 'known-predictions.npy': predictions },
  };
}

const lookUp = `
import { readFileSync, writeFileSync } from 'node:fs';
const [image, row] = [3072, 40]; // bytes; headers are shorter than an image
const images = (file) => {
  const bytes = readFileSync(file);
  const data = bytes.subarray(bytes.length % image);
  return Array.from({ length: data.length / image }, (_, at) => data.subarray(at * image, (at + 1) * image).toString('latin1'));
};
const known = images('known.npy');
const file = readFileSync('known-predictions.npy');
const start = file.length - known.length * row;
const rowOf = new Map(known.map((each, at) => [each, file.subarray(start + at * row, start + (at + 1) * row)]));
const found = images(process.env.HAET_TEST_IMAGES).map((each) => rowOf.get(each));
writeFileSync(process.env.HAET_OUT_DIR + '/predictions.npy', Buffer.concat([file.subarray(0, start), ...found]));
`;

/** predictions.npy that gives class 0 the highest score in every row. */
export function constantPredictions(rows: number, first = 5): Uint8Array {
  const scores = new Float32Array(rows * 10);
  for (let row = 0; row < rows; row++) scores[row * 10] = first;
  return formatNpy('float32', scores, [rows, 10]);
}

/** Returns the commands of the live processes whose command line contains a text. */
export function processesWith(word: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(word));
}

let words = 0;
/** Returns a number of seconds that no other process sleeps for, so that its `sleep` can be identified. */
export const uniqueSeconds = (): string => `${1000 + (process.pid % 1000)}.${process.pid}${++words}`;
