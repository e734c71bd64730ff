import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { whyReferenceCannotRun } from '../../../evaluator/machine/whyReferenceCannotRun.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const addon = 'clone/node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding';
const why = () => whyReferenceCannotRun(at('clone/dist/submission'));

beforeEach(async () => {
  const made = {
    'clone/dist/submission/haet.json': '{}',
    'clone/dist/submission/main.js': '',
    [`${addon}.node`]: '',
    [`${addon}.json`]: JSON.stringify({ library: at('cache/library') }),
    'cache/library/tensorflow/libtensorflow_cc.so.2': '',
    'cache/library/tensorflow/libtensorflow_framework.so.2': '',
  };
  for (const [name, content] of Object.entries(made)) {
    await mkdir(dirname(at(name)), { recursive: true });
    await writeFile(at(name), content);
  }
});

test('says nothing if everything that set-up makes is there', () => {
  expect(why()).toBeNull();
});

test.each([
  ['it was not compiled', 'clone/dist', 'clone/dist/submission/haet.json'],
  ['the packages are missing', 'clone/node_modules', `${addon}.node`],
  ['the addon was not compiled', `${addon}.node`, `${addon}.node`],
  ['it is not known which library the addon needs', `${addon}.json`, `${addon}.json`],
  ['the cache was deleted', 'cache', 'cache/library/tensorflow/libtensorflow_cc.so.2'],
])('if %s, names the file and says to run set-up', async (_, removed, named) => {
  await rm(at(removed), { recursive: true });
  expect(why()?.error.message).toMatch(
    new RegExp(
      `^${at(named)}: the reference submission needs this file \\(ENOENT: does not exist\\)\\. Run \`haet setup\`\\.$`,
    ),
  );
});
