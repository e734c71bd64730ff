import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { environmentSchemas } from '../../../evaluator/contract.ts';
import { contractPage } from '../../../evaluator/report/contractPage.ts';
import { verdictCodes } from '../../../evaluator/run/verdict.ts';
import { formatMarkdown } from '../../../scripts/markdown.mjs';

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const exampleNames = ['haet.json', 'train.sh', 'predict.sh'];
const example = async () =>
  Object.fromEntries(
    await Promise.all(
      exampleNames.map(async (name) => [name, await read(`examples/shell/${name}`)] as const),
    ),
  );

test('docs/contract.md is the output of `npm run docs`', async () => {
  expect(await read('docs/contract.md')).toBe(await formatMarkdown(contractPage(await example())));
});

test('the page names every environment variable once, and every verdict', async () => {
  const page = contractPage(await example());
  const variables = new Set(Object.values(environmentSchemas).flatMap((schema) => Object.keys(schema.shape)));
  for (const name of variables) expect(page.match(new RegExp(`^\\| \`${name}\``, 'gm'))).toHaveLength(1);
  for (const code of verdictCodes) expect(page).toContain(`| \`${code}\` |`);
});
