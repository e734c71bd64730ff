import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { takeEntry } from '../../../evaluator/intake/takeEntry.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('an entry whose folder changes while it is read is taken as it is, or refused as such', async () => {
  const manifest = { schemaVersion: 1, name: 'a', team: 'b', train: ['x'], predict: ['y'] };
  writeFileSync(join(folder, 'haet.json'), JSON.stringify(manifest));
  let open = true;
  const change = (async () => {
    while (open) {
      mkdirSync(join(folder, 'cache/below'), { recursive: true });
      for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, 'cache/below', name), name);
      await new Promise(setImmediate);
      rmSync(join(folder, 'cache'), { recursive: true });
      await new Promise(setImmediate);
    }
  })();
  const errors: Error[] = [];
  for (let run = 0; run < 30; run++) {
    await takeEntry(folder, '/nowhere').catch((error) => errors.push(error));
  }
  open = false;
  await change;
  for (const error of errors) {
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toMatch(/cannot be read completely \(ENOENT: does not exist at "cache.*"\)/);
  }
});
