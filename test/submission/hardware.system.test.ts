import { describe, expect, test } from '@jest/globals';
import { type Path, pathsFor } from '../../submission/hardware.ts';
import { fastest } from '../../submission/plan.ts';

const native: Path = { engine: 'native', bfloat16: false };
const stock: Path = { engine: 'stock', bfloat16: false };
const inBfloat16: Path = { engine: 'stock', bfloat16: true };

describe('the paths of a machine', () => {
  test.each([
    ['CPU with AVX2', { bfloat16: false, native: true }, [native]],
    ['CPU with AMX', { bfloat16: true, native: true }, [native, inBfloat16]],
    ['GPU, or CPU with AMX and a runtime without our ops', { bfloat16: true, native: false }, [inBfloat16]],
    ['any other', { bfloat16: false, native: false }, [stock]],
  ])('where nothing is set, of a %s', (_, machine, paths) => {
    expect(pathsFor({ engine: 'auto', precision: 'auto' }, machine)).toEqual(paths);
  });

  test.each([
    ['native', 'auto', native],
    ['native', 'float32', native],
    ['auto', 'float32', native],
    ['stock', 'float32', stock],
    ['stock', 'auto', inBfloat16],
    ['stock', 'bfloat16', inBfloat16],
    ['auto', 'bfloat16', inBfloat16],
  ])('are one where engine=%s and precision=%s name it', (engine, precision, path) => {
    expect(pathsFor({ engine, precision }, { bfloat16: true, native: true })).toEqual([path]);
  });

  test('settings that mean nothing, or do not go together, are refused by name', () => {
    expect(() => pathsFor({ engine: 'cuda', precision: 'auto' })).toThrow(
      '"cuda"; it can be native, stock or auto',
    );
    expect(() => pathsFor({ engine: 'auto', precision: 'half' })).toThrow(
      '"half"; it can be bfloat16, float32 or auto',
    );
    expect(() => pathsFor({ engine: 'native', precision: 'bfloat16' })).toThrow('set precision=float32 too');
  });

  test('the fastest is taken, and the rates are said', () => {
    const rates = new Map([
      [native, 3e9],
      [stock, 1e9],
      [inBfloat16, 4e9],
    ]);
    const rateOf = (path: Path) => rates.get(path)!;
    const said: string[] = [];
    expect(fastest([native, inBfloat16, stock], rateOf, (line) => said.push(line))).toBe(inBfloat16);
    expect(fastest([native, stock], rateOf, () => {})).toBe(native);
    expect(said).toEqual([
      'native ops in float32: 3.0 billion multiply-adds/s',
      'stock ops in bfloat16: 4.0 billion multiply-adds/s',
      'stock ops in float32: 1.0 billion multiply-adds/s',
    ]);
  });

  test('one that fails is left out, and that is said; where all fail, training does', () => {
    const failing = (bad: readonly Path[]) => (path: Path) => {
      if (bad.includes(path)) throw new Error('no such kernel');
      return 1;
    };
    const said: string[] = [];
    const both = [native, inBfloat16];
    expect(fastest(both, failing([inBfloat16]), (line) => said.push(line))).toBe(native);
    expect(said[1]).toBe('stock ops in bfloat16: left out, for they fail: Error: no such kernel');
    expect(fastest(both, failing([native]), () => {})).toBe(inBfloat16);
    expect(() => fastest(both, failing(both), () => {})).toThrow('no such kernel');
  });

  test('a single one is not measured', () => {
    const never = () => {
      throw new Error('measured');
    };
    expect(fastest([stock], never, never)).toBe(stock);
  });
});
