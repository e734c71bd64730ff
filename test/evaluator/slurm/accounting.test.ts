import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { lookInAccounting } from '../../../evaluator/slurm/commands.ts';
import { temporaryFolder } from '../../evaluator/fixtures.ts';

const { PATH } = process.env;
let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  process.env.PATH = `${folder}:${PATH}`;
});
afterAll(() => {
  process.env.PATH = PATH;
});
const sacct = async (script: string) => {
  await writeFile(join(folder, 'sacct'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'sacct'), 0o755);
};

test('what the accounting says of a task is named as scontrol names it', async () => {
  await sacct(`echo "$*" > ${folder}/asked
echo 'CANCELLED by 0|0:9|None|n1|2026-11-30T02:37:15|2026-11-30T02:37:18'`);
  expect(await lookInAccounting('5', 3, 'haet-1')).toBe(
    'JobState=CANCELLED by 0 ExitCode=0:9 Reason=None NodeList=n1 StartTime=2026-11-30T02:37:15 EndTime=2026-11-30T02:37:18',
  );
});

test('where there is no accounting, or it does not know the task, nothing is said', async () => {
  for (const script of ["echo 'Slurm accounting storage is disabled' >&2; exit 1", 'exit 0']) {
    await sacct(script);
    expect(await lookInAccounting('5', 3, 'haet-1')).toBeNull();
  }
});
