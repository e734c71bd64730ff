import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { addDecisions, type Decision, readDecisions } from '../../../evaluator/grade/decisions.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const decision: Decision = {
  schemaVersion: 1,
  at: '2026-11-21T10:41:23.000Z',
  archive: 'a.tar.gz',
  job: 'job-s1',
  terms: 'docker',
  seed: 1,
  spent: 2,
  because: 'the power failed\n"twice"',
};

test('decisions are appended, one per line', async () => {
  expect(await readDecisions(folder.path)).toEqual([]);
  await addDecisions(folder.path, [decision]);
  const both = await addDecisions(folder.path, [{ ...decision, seed: 2 }]);
  expect(both).toEqual([decision, { ...decision, seed: 2 }]);
  expect(await readDecisions(folder.path)).toEqual(both);
  expect(readFileSync(join(folder.path, 'decisions.jsonl'), 'utf8').match(/\n/g)).toHaveLength(2);
});

test('a damaged line is reported: no decision is silently dropped', async () => {
  await addDecisions(folder.path, [decision]);
  const file = join(folder.path, 'decisions.jsonl');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, `${text}${text.slice(0, 40)}`);
  await expect(readDecisions(folder.path)).rejects.toThrow(UserError);
  await expect(addDecisions(folder.path, [decision])).rejects.toThrow(
    /decisions\.jsonl, line 2: is not a decision/,
  );
});
