import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Cell, formatCsv, withoutFormula } from '../../../evaluator/grade/csv.ts';

/** Parses RFC 4180 strictly. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex;
    const match = cell.exec(text);
    if (match === null) throw new Error(`no cell at ${at} of ${JSON.stringify(text)}`);
    row.push(match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'));
    if (match[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  expect(row).toEqual([]);
  return rows;
}

const asRead = (cell: Cell): string =>
  cell === null ? '' : typeof cell === 'string' ? withoutFormula(cell) : String(cell);
const nasty = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', ',', ';', '\r', '\n', '\t', '=', '+', '-', '@', ' ', "'", '＝', 'é', '🦊'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
});
const cell: fc.Arbitrary<Cell> = fc.oneof(
  nasty,
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
  fc.boolean(),
  fc.constant(null),
);

describe('comma-separated values', () => {
  test('are read back cell by cell, whatever the cells contain', () => {
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 4 }), (rows) => {
        expect(parse(formatCsv(rows))).toEqual(rows.map((row) => row.map(asRead)));
      }),
    );
  });

  test('contain no cell that a spreadsheet reads as a formula, with any separator', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        for (const part of withoutFormula(text).split(/[,;\t\r\n]/))
          expect(part).not.toMatch(/^\s*[=+\-@＝]/);
      }),
    );
  });

  test('keep harmless text and numbers unchanged', () => {
    expect(formatCsv([['ResNet-9 (a=b)', 'me@home', 0.85, -1, null, true]])).toBe(
      'ResNet-9 (a=b),me@home,0.85,-1,,true\r\n',
    );
  });

  test('put an apostrophe before a formula and quotes where needed', () => {
    expect(formatCsv([['=HYPERLINK("x")', ' -1', 'a;@b', 'two\nlines']])).toBe(
      `"'=HYPERLINK(""x"")",' -1,a;'@b,"two\nlines"\r\n`,
    );
  });
});
