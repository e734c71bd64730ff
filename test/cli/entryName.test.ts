import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { entryNameOf } from '../../cli/entryName.ts';
import { manifestSchema } from '../../evaluator/contract.ts';

test.each([
  ['a/my-entry', 'my-entry'],
  ['my-entry/', 'my-entry'],
  ['/tmp/it\'s "mine"\\', 'it\'s "mine"\\'],
  ['two  spaces', 'two spaces'],
  [' padded ', 'padded'],
  ['a\tb\nc', 'a b c'],
  ['zero\u200bwidth', 'zero width'],
  ['e\u0301te\u0301', 'été'],
  [`z${'\u0335'.repeat(9)}`, `z${'\u0335'.repeat(4)}`],
  ['x'.repeat(200), 'x'.repeat(100)],
  ['🏁'.repeat(60), '🏁'.repeat(50)],
  ['\u2800', 'My entry'],
  ['/', 'My entry'],
])('the entry in %j is named %j', (folder, name) => {
  expect(entryNameOf(folder)).toBe(name);
});

test('any folder gives a name that the contract accepts', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (folder) => {
      expect(manifestSchema.shape.name.safeParse(entryNameOf(`/a/${folder}`)).success).toBe(true);
    }),
  );
});
