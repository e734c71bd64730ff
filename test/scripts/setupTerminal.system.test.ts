import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { createTinyClone, type TinyClone } from './tinyClone.ts';

// On a terminal the output of pip was once not read, and with it the cause of a failure was lost.

let clone: TinyClone;
let folder: string;
beforeAll(async () => {
  clone = await createTinyClone();
  folder = dirname(clone.root);
  expect((await clone.setUp()).exitCode).toBe(0);
});
afterAll(() => clone.remove());
beforeEach(() => rmSync(clone.cache, { recursive: true, force: true }));

const lastLine = (all: string | undefined) =>
  (all ?? '')
    .trimEnd()
    .split(/[\r\n]+/)
    .at(-1) ?? '';

/** Returns the environment in which `python3 -m pip download` is this Python program. */
function standInPip(program: string) {
  const main = join(folder, 'stand-in', 'pip', '__main__.py');
  mkdirSync(dirname(main), { recursive: true });
  writeFileSync(join(dirname(main), '__init__.py'), '');
  const lines = [
    'import os, sys, time',
    'if "--version" in sys.argv: print("pip 99.0 from here"); sys.exit()',
    'if "config" in sys.argv: sys.exit()',
    program,
  ];
  writeFileSync(main, lines.join('\n'));
  return { PYTHONPATH: join(folder, 'stand-in') };
}

/** Sets up on a terminal and without one, and expects the same sentence. */
async function sentenceOfBoth(env: Record<string, string>) {
  const piped = await clone.setUp(env);
  const shown = await clone.setUpOnTerminal(env);
  expect(lastLine(shown.all)).toBe(lastLine(piped.all));
  expect([piped.exitCode, shown.exitCode]).toEqual([2, 2]);
  return { sentence: lastLine(shown.all), all: shown.all ?? '' };
}

test('a disk that fills up during the download is named, and the bar was shown before', async () => {
  const program = `
print("  Downloading tiny.whl (4.0 kB)", flush=True)
with open(os.path.join(os.environ["TMPDIR"], "tiny.whl"), "wb") as file:
    file.write(b"x" * 2000)
time.sleep(1)
sys.exit("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")`;
  const { sentence, all } = await sentenceOfBoth(standInPip(program));
  expect(sentence).toMatch(
    /The disk that holds .*downloads is full \(.*No space left on device\): free some space/,
  );
  expect(all).toMatch(/\r {2}\[#{15}-{15}\]/);
});

test('a python3 without pip is named', async () => {
  await execa('python3', ['-m', 'venv', '--without-pip', join(folder, 'venv')]);
  const { sentence } = await sentenceOfBoth({ PATH: `${folder}/venv/bin:${process.env['PATH']}` });
  expect(sentence).toMatch(/python3 has no pip\b.*venv.*: run .*`deactivate`/);
});

test('what pip itself refuses is quoted', async () => {
  const program = 'sys.exit("ERROR: this pip obeys nobody")';
  const { sentence } = await sentenceOfBoth(standInPip(program));
  expect(sentence).toMatch(/could not be fetched \(pip: this pip obeys nobody; /);
  expect(sentence).not.toMatch(/check the network/);
});

test('attempts that pip repeats are shown, and the last one is the reason', async () => {
  const program = `
print("WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError('x: [Errno -2] Name or service not known')': /simple/", flush=True)
sys.exit("ERROR: No matching distribution found for tensorflow-cpu==2.21.0")`;
  const { sentence, all } = await sentenceOfBoth(standInPip(program));
  expect(all).toMatch(/haet set-up: pip tries again after .*Name or service not known/);
  expect(sentence).toMatch(
    /\(pip: NewConnectionError.*Name or service not known.*\): check the network, or put/,
  );
});

test('a download that works is shown to its end', async () => {
  const program = `
import shutil
shutil.copy(${JSON.stringify('WHEEL')}, sys.argv[sys.argv.index("--dest") + 1])
print("  Downloading tiny.whl (4.0 kB)", flush=True)`.replace('"WHEEL"', JSON.stringify(clone.wheel));
  const { all, exitCode } = await clone.setUpOnTerminal(standInPip(program));
  expect(lastLine(all)).toMatch(/ready after/);
  expect(exitCode).toBe(0);
  expect(all).toMatch(/\[#{30}\]/);
});
