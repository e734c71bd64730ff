// Writes the pages that follow from code: docs/contract.md. Needs a build (dist/), which `npm run docs` makes first.
import { readFile, writeFile } from 'node:fs/promises';
import { contractPage } from '../dist/evaluator/report/contractPage.js';

const project = new URL('../', import.meta.url);
const example = {};
for (const name of ['haet.json', 'train.sh', 'predict.sh']) {
  example[name] = await readFile(new URL(`examples/plain-shell/${name}`, project), 'utf8');
}
await writeFile(new URL('docs/contract.md', project), contractPage(example));
process.stdout.write('docs/contract.md\n');
