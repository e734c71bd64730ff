import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { sayOn, shortName } from '../../cli/terminal.ts';

test('prints one line of a message as one line, whatever it contains', () => {
  const stream = new PassThrough();
  sayOn(stream, 'a\nSCORED  99.9 %\u001b[2J', '', 'b\u200b\u202e');
  expect(String(stream.read())).toBe('a�SCORED  99.9 %�[2J\n\nb��\n');
});

test('shortens a long name between two characters', () => {
  expect(shortName('é'.repeat(40))).toBe('é'.repeat(40));
  expect(shortName('🦊'.repeat(41))).toBe(`${'🦊'.repeat(39)}…`);
});

test('only cli/terminal.ts writes to the terminal in cli/', () => {
  const files = readdirSync('cli', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'terminal.ts')
    .map((name) => join('cli', name));
  expect(files.length).toBeGreaterThan(20);
  const direct = /process\.std(out|err)\.write|stream\.write\(|^\s*console\./gm;
  const found = files.flatMap((file) =>
    (readFileSync(file, 'utf8').match(direct) ?? []).map((call) => `${file}: ${call.trim()}`),
  );
  expect(found).toEqual([]);
});
