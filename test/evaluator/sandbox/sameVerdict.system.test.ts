// Honest entries, each of which does one thing that people's programs do. Every sandbox must give each of them the same
// verdict with the same evidence.
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { type RunPlan, runEntry } from '../../../evaluator/run/runEntry.ts';
import type { VerdictCode } from '../../../evaluator/run/verdict.ts';
import { createSandbox } from '../../../evaluator/sandbox/createSandbox.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import {
  type EntryScripts,
  folderWithTrack,
  good,
  machine,
  makeEntry,
  plainImage,
  type TinyTrack,
} from '../fixtures.ts';

interface Case extends EntryScripts {
  readonly does: string;
  readonly gets: VerdictCode;
  /** What the evidence must contain. */
  readonly because?: RegExp;
  readonly limits?: RunPlan['limits'];
  /** Needs what only the sealed image gives the sandbox `user`: a name for the entries' user. */
  readonly needsImage?: true;
}

const save = good.train;
const predict = good.predict;
const node = (code: string) => `node -e '${code}' || exit 9`;

const cases: readonly Case[] = [
  { does: 'nothing unusual', gets: 'SCORED' },
  {
    does: 'asks for the name of its user',
    needsImage: true,
    train: `id -un && id -gn && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'asks for its user through the C library',
    needsImage: true,
    train: `${node('os.userInfo()')}\n${save}`,
    gets: 'SCORED',
  },
  { does: 'looks up the home of its user', train: `cd ~ && touch here && ${save}`, gets: 'SCORED' },
  {
    does: 'resolves localhost',
    train: `${node('dns.lookup("localhost", (e) => process.exit(e ? 1 : 0))')}\n${save}`,
    gets: 'SCORED',
  },
  {
    does: 'resolves its own host name',
    train: `${node('dns.lookup(os.hostname(), (e) => process.exit(e ? 1 : 0))')}\n${save}`,
    gets: 'SCORED',
  },
  {
    does: 'talks to itself over localhost',
    train: `${node('const s = net.createServer((c) => c.end("x")).listen(0, "localhost", () => net.connect(s.address().port, "localhost").on("data", () => process.exit(0)))')}\n${save}`,
    gets: 'SCORED',
  },
  { does: 'opens /dev/stderr by name', train: `echo words > /dev/stderr && ${save}`, gets: 'SCORED' },
  { does: 'opens /dev/stdout by name', train: `echo words > /dev/stdout && ${save}`, gets: 'SCORED' },
  {
    does: 'copies its output with tee',
    train: `echo words | tee /dev/stderr > /dev/null && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'opens the descriptor of progress lines by name',
    train: `echo '{"step": 1, "epoch": 1}' > /dev/fd/3 && ${save}`,
    gets: 'SCORED',
  },
  { does: 'reads standard input', train: `cat && ${save}`, gets: 'SCORED' },
  {
    does: 'binds a socket in TMPDIR, with the longest name that Python gives one',
    train: `mkdir "$TMPDIR/pymp-abcdefgh"\n${node('net.createServer().listen(process.env.TMPDIR + "/pymp-abcdefgh/listener-abcdefgh", () => process.exit(0)).on("error", (e) => { console.error(e); process.exit(1) })')}\n${save}`,
    gets: 'SCORED',
  },
  {
    does: 'signals its process group and handles the signal',
    train: `trap : TERM; kill -TERM 0; ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'signals its process group and ignores the signal',
    train: `trap "" TERM; sleep 1000 & ${save}; kill -TERM 0; exit 0`,
    gets: 'SCORED',
  },
  {
    does: 'ends its process group',
    train: `${save}; kill -TERM 0; sleep 5`,
    gets: 'SCORED_SALVAGED',
    because: /^train: ended after .* by signal SIGTERM|^train: ended after .* with exit status 143/,
  },
  { does: 'leaves a process behind that holds its output', train: `sleep 1000 & ${save}`, gets: 'SCORED' },
  {
    does: 'ends shortly before its deadline while another process holds its output',
    train: `sleep 1000 & ${save}; sleep 3`,
    limits: { trainSeconds: 4.5 },
    gets: 'SCORED',
  },
  {
    does: 'ends predict shortly before its deadline while another process holds its output',
    predict: `sleep 1000 & ${predict}; sleep 3`,
    limits: { predictSeconds: 4.5 },
    gets: 'SCORED',
  },
  {
    does: 'runs into its deadline after saving',
    train: `${save}; sleep 1000`,
    limits: { trainSeconds: 1 },
    gets: 'SCORED_SALVAGED',
    because: /^train: was killed at its deadline of 1 s$/,
  },
  {
    does: 'runs into its deadline without saving',
    train: 'sleep 1000',
    limits: { trainSeconds: 1 },
    gets: 'NO_OUTPUT',
    because: /^train: left no file in its output folder$/,
  },
  {
    does: 'removes its output folder and makes it again',
    train: `rm -rf "$HAET_OUT_DIR"/* && mkdir -p "$HAET_OUT_DIR" && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'fills its scratch folder with links',
    train: `ln -s / "$HAET_WORK_DIR/root" && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'saves its model in subfolders with spaces and umlauts',
    train: 'mkdir -p "$HAET_OUT_DIR/ein Gewicht/ä" && echo w > "$HAET_OUT_DIR/ein Gewicht/ä/1.bin"',
    gets: 'SCORED',
  },
  {
    does: 'saves its model with a mask that hides it',
    train: `umask 077; mkdir "$HAET_OUT_DIR/private"; echo w > "$HAET_OUT_DIR/private/model"`,
    predict: `cat "$HAET_MODEL_DIR/private/model" && ${predict}`,
    gets: 'SCORED',
  },
  {
    does: 'writes to /dev/shm and /tmp',
    train: `echo x > /dev/shm/haet-test-$$ && rm /dev/shm/haet-test-$$ && mktemp && ${save}`,
    gets: 'SCORED',
  },
  { does: 'names a program that does not exist', manifest: { train: ['no-such-program'] }, gets: 'CRASHED' },
  {
    does: 'names a script without the permission to execute it',
    manifest: { train: ['./train.sh'] },
    gets: 'CRASHED',
    because: /^train: .* has no permission to execute; run `chmod \+x` on it/,
  },
  {
    does: 'names a script with the line ends of Windows',
    manifest: { train: ['sh', 'windows.sh'] },
    files: { 'windows.sh': 'set -e\r\ncommand-that-is-not-there\r\n' },
    gets: 'CRASHED',
  },
  {
    does: 'names a program of the entry without ./',
    manifest: { train: ['train.sh'] },
    gets: 'CRASHED',
    because: /^train: "train\.sh" is a file of the entry, but is looked up on PATH; write "\.\/train\.sh"$/,
  },
  { does: 'fails after saving', train: `${save}; exit 3`, gets: 'SCORED_SALVAGED', because: /exit status 3/ },
  { does: 'fails before saving', train: 'exit 3', gets: 'CRASHED', because: /exit status 3/ },
  {
    does: 'ends itself by a signal',
    train: `${save}; kill -KILL $$`,
    gets: 'SCORED_SALVAGED',
    because: /by signal SIGKILL|exit status 137/,
  },
  {
    does: 'fails in predict',
    predict: 'exit 4',
    gets: 'CRASHED',
    because: /^predict: ended .* exit status 4$/,
  },
  {
    does: 'writes its predictions, then fails',
    predict: `${predict}; exit 1`,
    gets: 'CRASHED',
    because: /^predict: ended .* exit status 1$/,
  },
  { does: 'predicts nothing', predict: 'true', gets: 'NO_OUTPUT' },
  {
    does: 'writes its predictions into the working folder',
    predict: 'cp constant.npy "$HAET_WORK_DIR/predictions.npy"',
    gets: 'NO_OUTPUT',
  },
  {
    does: 'writes its predictions under another name',
    predict: 'cp constant.npy "$HAET_OUT_DIR/prediction.npy"',
    gets: 'NO_OUTPUT',
  },
  {
    does: 'writes text for predictions',
    predict: 'echo 1,2,3 > "$HAET_OUT_DIR/predictions.npy"',
    gets: 'INVALID_OUTPUT',
  },
  {
    does: 'makes a folder called predictions.npy',
    predict: 'mkdir "$HAET_OUT_DIR/predictions.npy"',
    gets: 'INVALID_OUTPUT',
  },
  {
    does: 'links its predictions',
    predict: `cp constant.npy "$HAET_WORK_DIR/p.npy"; ln -s "$HAET_WORK_DIR/p.npy" "$HAET_OUT_DIR/predictions.npy"`,
    gets: 'INVALID_OUTPUT',
  },
  {
    does: 'hangs in predict after writing',
    predict: `${predict}; sleep 1000`,
    limits: { predictSeconds: 1 },
    gets: 'PREDICT_TIMEOUT',
    because: /^predict: was killed at its deadline of 1 s$/,
  },
  { does: 'writes without an end', train: `head -c 20000000 /dev/zero; ${save}`, gets: 'SCORED' },
];

let folder: string;
let track: TinyTrack;
beforeAll(async () => {
  ({ folder, track } = await folderWithTrack());
  await chmod(folder, 0o755);
});

/** Runs an entry and returns what every sandbox must say alike. */
async function resultOf({ limits, ...scripts }: Case, sandbox: Sandbox) {
  const entryPath = await makeEntry(folder, scripts);
  // A long path, as `haet grade` has for its runs, with characters that mean something to Docker and to shells.
  const runsFolder = join(folder, `a, "long": $name of ${'words '.repeat(12)}`, sandbox.kind);
  await mkdir(runsFolder, { recursive: true });
  const { verdict, evidence } = await runEntry(
    {
      ...{ entryPath, track, runsFolder, seed: 1, machine, cpus: 1, memoryBytes: 2 ** 29 },
      limits: { trainSeconds: 20, predictSeconds: 20, ...limits },
    },
    sandbox,
  );
  return { verdict, evidence: evidence.filter(isAboutTheEntry).map(alike) };
}

/** Other work on this machine is not the entry's. */
const isAboutTheEntry = (sentence: string) => !/disturbed|other work/.test(sentence);

/** Replaces times, and the exit status of a shell whose program was killed by the signal itself. */
const alike = (sentence: string) =>
  sentence
    .replace(/after [\d.]+ s/, 'after some time')
    .replace(/with exit status 143/, 'by signal SIGTERM')
    .replace(/with exit status 137/, 'by signal SIGKILL');

const kinds = ['process', 'bubblewrap', 'docker', 'user'] as const;
const missing: string[] = [];
const sandboxes: Sandbox[] = [];
beforeAll(async () => {
  for (const kind of kinds) {
    try {
      sandboxes.push(await createSandbox(kind, { image: plainImage }));
    } catch (error) {
      missing.push((error as Error).message);
    }
  }
  if (process.env.HAET_EVERY_SANDBOX) expect(missing).toEqual([]);
});

test.each(cases)('an entry that $does gets $gets everywhere', async (each) => {
  for (const sandbox of sandboxes) {
    if (each.needsImage && sandbox.kind === 'user') continue;
    const { verdict, evidence } = await resultOf(each, sandbox);
    expect({ sandbox: sandbox.kind, verdict, evidence }).toEqual({
      sandbox: sandbox.kind,
      verdict: each.gets,
      evidence,
    });
    if (each.because !== undefined) expect(evidence).toContainEqual(expect.stringMatching(each.because));
    first.set(each.does, first.get(each.does) ?? evidence);
    expect({ sandbox: sandbox.kind, evidence }).toEqual({
      sandbox: sandbox.kind,
      evidence: first.get(each.does),
    });
  }
});
const first = new Map<string, string[]>();
