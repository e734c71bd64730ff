import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { signRecord } from '../../evaluator/attest/signedRecord.ts';
import { publicVerifyKey } from '../../evaluator/attest/signingKey.ts';
import { madeUpOfficial, signingKey } from '../evaluator/attest/madeUpOfficial.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const page = await readFile(join(project, 'docs/api.md'), 'utf8');
/** Every example with the output that the page shows after it. */
const examples = [...page.matchAll(/^## (\w+)$[^#]*?^```js\n(.*?)^```\n\n```text\n(.*?)^```$/gms)].map(
  ([, name, code, output]) => ({ name: name!, code: code!, output: output! }),
);

let folder: string;
const node = (...words: string[]) => execa(process.execPath, words, { cwd: folder, reject: false });

// As a project that has installed the package.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haet-api-'));
  await mkdir(join(folder, 'node_modules/@types'), { recursive: true });
  await symlink(project, join(folder, 'node_modules/haet'));
  await symlink(join(project, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'organizer-key.txt'), `${publicVerifyKey(signingKey)}\n`);
  await writeFile(
    join(folder, 'record.jws'),
    await signRecord((await madeUpOfficial()).official, signingKey),
  );
  await node(join(project, 'cli/bin.mjs'), 'init', 'my-entry', '--template', 'shell');
  for (const { name, code } of examples) await writeFile(join(folder, `${name}.ts`), code);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the page names every export', async () => {
  const { stdout } = await node('-e', "import('haet').then((all) => console.log(Object.keys(all).join()))");
  const names = stdout.split(',');
  expect(names).toContain('runEntry');
  expect(names.filter((name) => !page.includes(name))).toEqual([]);
});

test.each(examples.map(({ name, ...example }) => [name, example] as const))(
  'the example of %s prints what the page shows, and changes nothing of the process',
  async (name, { code, output }) => {
    // The same text is valid JavaScript and TypeScript.
    await writeFile(join(folder, `${name}.mjs`), code);
    const kept = `JSON.stringify([process.umask(), process.cwd(), process.eventNames().map(String)])`;
    const around = `const before = ${kept}; await import('./${name}.mjs'); if (${kept} !== before) console.log(${kept});`;
    const { exitCode, stdout, stderr } = await node('--input-type=module', '-e', around);
    expect({ exitCode, stdout: `${stdout}\n`, stderr }).toEqual({ exitCode: 0, stdout: output, stderr: '' });
  },
);

test('the examples compile in a strict TypeScript project, which checks the declarations too', async () => {
  expect(examples.map(({ name }) => name)).toEqual(['makeTrack', 'runEntry', 'verifyRecord', 'score']);
  const wrong = `import { score } from 'haet';\n// @ts-expect-error an accuracy is a number\nexport const text: string = score(new Float32Array(2), new Uint8Array(1), ['a', 'b']).accuracy;\n`;
  await writeFile(join(folder, 'wrong.ts'), wrong);
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'NodeNext'];
  const files = [...examples.map(({ name }) => `${name}.ts`), 'wrong.ts'];
  const tsc = join(project, 'node_modules/typescript/bin/tsc');
  const { stdout } = await node(tsc, ...options, '--target', 'ES2022', '--types', 'node', ...files);
  expect(stdout).toBe('');
});
