import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { lastWords } from '../../../evaluator/report/lastWords.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();

interface Stage {
  readonly stage: RunRecord['stages'][number]['stage'];
  readonly ended?: RunRecord['stages'][number]['ended'];
  readonly exitCode?: number;
  readonly stderr?: string;
  readonly stdout?: string;
}

/** Returns what is said of a run with these stages. */
async function said(
  stages: readonly Stage[],
  { verdict = 'CRASHED', modelSha256 = 'abc' }: Partial<Pick<RunRecord, 'verdict' | 'modelSha256'>> = {},
) {
  for (const { stage, stderr = '', stdout = '' } of stages) {
    await writeFile(join(folder.path, `${stage}.stderr.log`), stderr);
    await writeFile(join(folder.path, `${stage}.stdout.log`), stdout);
  }
  const facts = stages.map(({ stage, ended = 'exited', exitCode = 1 }) => ({ stage, ended, exitCode }));
  return lastWords({ verdict, modelSha256, folder: folder.path, stages: facts } as unknown as RunRecord);
}
const lineOf = async (stderr: string, stdout = '') =>
  (await said([{ stage: 'train', stderr, stdout }]))?.line;

const frames = '  File "/entry/train.py", line 3, in <module>\n    import torch\n';

describe('the line that tells what went wrong is', () => {
  test.each([
    [
      'the exception of Python',
      `epoch 1\nTraceback (most recent call last):\n${frames}ModuleNotFoundError: No module named 'torch'\n`,
      "ModuleNotFoundError: No module named 'torch'",
    ],
    [
      'the last one of a chain',
      `Traceback (most recent call last):\n${frames}KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n${frames}torch.cuda.OutOfMemoryError: CUDA out of memory\n`,
      'torch.cuda.OutOfMemoryError: CUDA out of memory',
    ],
    [
      'an exception without a message',
      `Traceback (most recent call last):\n${frames}AssertionError\n`,
      'AssertionError',
    ],
    [
      'the first line of a long message',
      `Traceback (most recent call last):\n${frames}RuntimeError: sizes differ\n[1, 2]\n[3]\n`,
      'RuntimeError: sizes differ',
    ],
    [
      'not what is logged after it',
      `Traceback (most recent call last):\n${frames}ValueError: bad\nwandb: Synced 5 files\n`,
      'ValueError: bad',
    ],
    [
      'the error of code that does not compile',
      '  File "train.py", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax\n',
      'SyntaxError: invalid syntax',
    ],
    [
      'the Error line of Node',
      "file:///entry/train.mjs:2\nconst model = JSON.parse(\"\");\n                   ^\n\nError: ENOENT: no such file or directory, open '/w.json'\n    at Object.readFileSync (node:fs:441:20)\n  errno: -2,\n  code: 'ENOENT'\n}\n\nNode.js v24.1.0\n",
      "Error: ENOENT: no such file or directory, open '/w.json'",
    ],
    [
      'an Error with a code',
      'node:internal/errors:540\n      throw error;\n      ^\n\nTypeError [ERR_INVALID_ARG_TYPE]: The argument must be a string\n    at f (x.js:1:1)\n\nNode.js v24.1.0\n',
      'TypeError [ERR_INVALID_ARG_TYPE]: The argument must be a string',
    ],
    [
      'the exception of Java',
      'Exception in thread "main" java.lang.IllegalStateException: no data\n\tat Main.main(Main.java:3)\n',
      'java.lang.IllegalStateException: no data',
    ],
    [
      'what a C++ exception says',
      "terminate called after throwing an instance of 'std::runtime_error'\n  what():  no GPU\nAborted\n",
      'no GPU',
    ],
    [
      'the panic of Go',
      'panic: no data\n\ngoroutine 1 [running]:\nmain.main()\n\t/e/main.go:4 +0x1\nexit status 2\n',
      'panic: no data',
    ],
    [
      'the panic of Rust',
      "\nthread 'main' panicked at src/main.rs:2:5:\nno data\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
      'no data',
    ],
    ['the complaint of a shell', 'train.sh: 3: python: not found\n', 'train.sh: 3: python: not found'],
    ['an error that is logged', 'fatal error: disk on fire\ncleaning up\n', 'fatal error: disk on fire'],
    [
      'the last state of a progress bar',
      ' 10%|#         | 1/10\r 50%|#####     | 5/10, loss nan\r',
      ' 50%|#####     | 5/10, loss nan',
    ],
    ['the last line with Windows line ends', 'one\r\ntwo\r\n', 'two'],
  ])('%s', async (_, stderr, expected) => {
    expect(await lineOf(stderr)).toBe(expected);
    // Colours and standard output are no obstacle.
    expect(await lineOf('', `\u001B[31m${stderr}\u001B[0m`)).toBe(expected);
  });

  test('an error on standard output rather than a last line on standard error', async () => {
    expect(await lineOf('warning: slow\n', 'Error: no data\n    at f (x.js:1)\n')).toBe('Error: no data');
    expect(await lineOf('warning: slow\n', 'epoch 3\n')).toBe('warning: slow');
  });
});

describe('it is taken from the first stage that went wrong', () => {
  test('a train that failed, though predict failed too', async () => {
    const stages: Stage[] = [
      { stage: 'train', stderr: 'ImportError: torch\n' },
      { stage: 'predict', stderr: 'FileNotFoundError: model.pt\n' },
    ];
    expect(await said(stages)).toEqual({ stage: 'train', line: 'ImportError: torch' });
  });

  test('a train that ended with status 0 and left nothing', async () => {
    const stages: Stage[] = [{ stage: 'train', exitCode: 0, stderr: 'ImportError: torch\n' }];
    expect(await said(stages, { verdict: 'NO_OUTPUT', modelSha256: null })).toEqual({
      stage: 'train',
      line: 'ImportError: torch',
    });
  });

  test('a predict that wrote nothing', async () => {
    const stages: Stage[] = [
      { stage: 'train', exitCode: 0, stderr: 'trained\n' },
      { stage: 'predict', exitCode: 0, stdout: 'nothing to do\n' },
    ];
    expect(await said(stages, { verdict: 'NO_OUTPUT' })).toEqual({ stage: 'predict', line: 'nothing to do' });
  });

  test('a training that was cut at its deadline', async () => {
    const stages: Stage[] = [
      { stage: 'train', ended: 'deadline', stdout: 'epoch 1: loss nan\n' },
      { stage: 'predict', exitCode: 0 },
    ];
    expect(await said(stages, { verdict: 'SCORED_SALVAGED' })).toEqual({
      stage: 'train',
      line: 'epoch 1: loss nan',
    });
  });

  test.each(['SCORED', 'INVALID_OUTPUT', 'RULE_VIOLATION', 'REJECTED_ARCHIVE', 'INFRA_FAULT'] as const)(
    'and not for %s, where the evidence says everything',
    async (verdict) => {
      expect(await said([{ stage: 'train', stderr: 'Error: x\n' }], { verdict })).toBe(null);
    },
  );
});

test('there is none without output, and none of a run without stages', async () => {
  expect(await said([{ stage: 'train' }])).toBe(null);
  expect(await said([])).toBe(null);
});

test('long lines and many frames cost no time', async () => {
  for (const part of ['a.', 'error[', ' ', 'E', 'Traceback (most recent call last):\n ', 'Error: x\n']) {
    expect(String(await lineOf(part.repeat(200_000))).length).toBeLessThan(2000);
  }
});
