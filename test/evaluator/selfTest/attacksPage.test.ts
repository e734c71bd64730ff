import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { listAttacks } from '../../../evaluator/selfTest/attack.ts';
import { attacksPage } from '../../../evaluator/selfTest/attacksPage.ts';
import { formatMarkdown } from '../../../scripts/markdown.mjs';

const page = () => readFile(new URL('../../../docs/attacks.md', import.meta.url), 'utf8');

test('docs/attacks.md is the output of `npm run docs`', async () => {
  expect(await page()).toBe(await formatMarkdown(attacksPage(await listAttacks())));
});

test('counts and lists every attack except the honest entry', async () => {
  const attacks = (await listAttacks()).filter(({ name }) => name !== 'honest');
  const text = await page();
  expect(text).toContain(`**${attacks.length} attacks**`);
  for (const { name } of attacks) expect(text).toContain(`| ${name} |`);
  expect(text).not.toContain('| honest |');
});
