import { describe, expect, test } from '@jest/globals';
import { UserError } from '../../datasets/userError.ts';

const taken = { option: '--out', path: 'here', reason: 'exists', remedy: 'Give another.' };

describe('the message of a user error', () => {
  test.each([
    [taken, '--out here: exists. Give another.'],
    [{ ...taken, option: undefined }, 'here: exists. Give another.'],
    [{ ...taken, path: undefined }, '--out: exists. Give another.'],
    [{ reason: 'exists' }, 'exists'],
    ['It exists.', 'It exists.'],
  ])('is built from its fields: %j', (fields, message) => {
    expect(new UserError(fields).message).toBe(message);
  });
});

test('a copy for another path keeps the reason and the remedy', () => {
  const error = new UserError(taken).about({ path: 'there', option: '--public' });
  expect(error).toMatchObject({ ...taken, path: 'there', option: '--public' });
  expect(error.message).toBe('--public there: exists. Give another.');
});

test.each([
  ['/tmp/x', 'a.tar'],
  ['/tmp/x/haet.json', 'a.tar/haet.json'],
  ['/tmp/xy', '/tmp/xy'],
  [undefined, undefined],
])('an error in a copied file names the original: %s as %s', (path, expected) => {
  expect(new UserError({ ...taken, path }).under('/tmp/x', 'a.tar').path).toBe(expected);
});

test('the short sentence omits the remedy and the full stop', () => {
  expect(new UserError(taken).sentence).toBe('--out here: exists');
});
