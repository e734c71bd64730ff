import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { takeLock } from '../../scripts/setup/lock.mjs';

let folder: string;
let said: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'haet-lock-'));
  said = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('a set-up that waits for another says which process it is and since when', async () => {
  const file = join(folder, '.setup.lock');
  const held = await takeLock(file);
  expect(said).toBe('');
  let taken = false;
  const second = takeLock(file).then((descriptor) => {
    taken = true;
    return descriptor;
  });
  while (said === '') await new Promise((later) => setTimeout(later, 10));
  expect(said).toMatch(/another set-up is running \(process (\d+), since \d\d:\d\d:\d\d\); waiting \.\.\.$/m);
  expect(said).toContain(`process ${process.pid},`);
  expect(taken).toBe(false);
  closeSync(held);
  closeSync(await second);
});
