// Writes the pages that are generated from code, and formats all Markdown files. Needs a build (dist/), which `npm run
// docs` makes first.
import { readFile, writeFile } from 'node:fs/promises';
import { contractPage } from '../dist/evaluator/report/contractPage.js';
import { listAttacks } from '../dist/evaluator/selfTest/attack.js';
import { attacksPage } from '../dist/evaluator/selfTest/attacksPage.js';
import { formatMarkdown, markdownFiles } from './markdown.mjs';

const project = new URL('../', import.meta.url);
const example = {};
for (const name of ['haet.json', 'train.sh', 'predict.sh']) {
  example[name] = await readFile(new URL(`examples/shell/${name}`, project), 'utf8');
}
const pages = {
  'docs/attacks.md': attacksPage(await listAttacks()),
  'docs/contract.md': contractPage(example),
};
for (const [path, text] of Object.entries(pages)) {
  await writeFile(new URL(path, project), text);
  process.stdout.write(`${path}\n`);
}
for (const path of markdownFiles()) {
  const file = new URL(path, project);
  const text = await readFile(file, 'utf8');
  const formatted = await formatMarkdown(text);
  if (formatted !== text) await writeFile(file, formatted);
}
