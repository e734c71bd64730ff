import { expect, test } from '@jest/globals';
import { defaultSettings, withOverrides } from '../../submission/settings.ts';

test('overrides settings by name, in their type', () => {
  const settings = withOverrides(defaultSettings, [
    'width=0.5',
    'gradientCentralization=false',
    'precision=float32',
  ]);
  expect(settings).toEqual({
    ...defaultSettings,
    width: 0.5,
    gradientCentralization: false,
    precision: 'float32',
  });
});

test.each([
  ['widht=1', /unknown setting "widht".*width/],
  ['width=wide', /width=wide: must be a number/],
  ['width=', /width=: must be a number/],
  ['gradientCentralization=1', /=1: must be true or false/],
])('%s is rejected by name', (word, message) => {
  expect(() => withOverrides(defaultSettings, [word])).toThrow(message);
});
