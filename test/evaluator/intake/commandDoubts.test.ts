import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { commandDoubts } from '../../../evaluator/intake/commandDoubts.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
beforeEach(async () => {
  const put = async (name: string, content: string, mode = 0o644) => {
    await writeFile(join(folder.path, name), content);
    await chmod(join(folder.path, name), mode);
  };
  await put('train.py', 'print(1)\r\n');
  await put('main.js', '');
  await put('run.sh', '#!/bin/sh\necho 1\n', 0o755);
  await put('plain.sh', '#!/bin/sh\necho 1\n');
  await put('windows.sh', '#!/bin/sh\r\necho 1\r\n', 0o755);
  await put('windows', '#!/usr/bin/env python3\r\nprint(1)\r\n', 0o755);
  await put('program', '\x7fELF\r\n', 0o755);
  await mkdir(join(folder.path, 'src'));
  await put('src/train.py', '');
});
const doubts = (...argv: string[]) => commandDoubts(folder.path, argv as [string, ...string[]]);

describe('a command that works is not doubted:', () => {
  test.each([
    [['python3', 'train.py', '--epochs', '3']],
    [['python3', '-m', 'src.train']],
    [['python3', 'src/train.py']],
    [['./run.sh']],
    [['./program']],
    [['sh', 'run.sh']],
    [['sh', '-c', 'python3 train.py && echo done > $HAET_OUT_DIR/x']],
    [['bash', '-euc', 'exec python3 train.py | tee log']],
    [['node', 'main.js', 'train']],
    [['/opt/venv/bin/python', '/opt/code/train.py']],
    [['env', 'A=1', './run.sh']],
    [['python3', 'train.py', '--lr=>0.1']],
  ])('%j', async (argv) => {
    expect(await doubts(...argv)).toEqual([]);
  });
});

describe('a command that cannot work is doubted:', () => {
  test.each([
    [['python', 'train.py'], /^python is not on every machine; name python3$/],
    [
      ['./plain.sh'],
      /^".\/plain.sh" has no permission to execute; run `chmod \+x` on it, or .*\["sh", ".\/plain.sh"\]$/,
    ],
    [['./none.sh'], /^".\/none.sh" is not in the entry$/],
    [['run.sh'], /^"run.sh" is a file of the entry, but is looked up on PATH; write ".\/run.sh"$/],
    [['./windows.sh'], /^".\/windows.sh" has the line ends of Windows/],
    [['./windows'], /^".\/windows" has the line ends of Windows/],
    [['sh', 'windows.sh'], /^"windows.sh" has the line ends of Windows/],
    [['python3', 'trian.py'], /^"trian.py" is not in the entry$/],
    [['python3', 'train.py', '&&', 'echo', 'done'], /^there is no shell, so the program gets "&&" as it is/],
    [['python3', 'train.py', '>', 'log'], /gets ">" as it is/],
    [['python3', 'train.py', '2>&1'], /gets "2>&1" as it is/],
    [['python3', 'train.py', '--out', '$HAET_OUT_DIR'], /gets "\$" as it is/],
    [['python3', 'train.py', '--name', '$(date)'], /as it is/],
  ])('%j', async (argv, sentence) => {
    expect(await doubts(...argv)).toEqual([expect.stringMatching(sentence)]);
  });
});
