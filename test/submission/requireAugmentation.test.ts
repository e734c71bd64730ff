import { expect, test } from '@jest/globals';
import { requireAugmentation } from '../../submission/requireAugmentation.ts';
import { defaultSettings } from '../../submission/settings.ts';

test('accepts the default settings, and one random operation', () => {
  requireAugmentation(defaultSettings);
  requireAugmentation({ ...defaultSettings, distortMethod: 'trivial', trivialStrength: 2 });
});

test.each([
  [{ distortMethod: 'autoaugment' }, 'distortMethod=autoaugment: must be affine or trivial'],
  [{ trivialStrength: 3 }, 'trivialStrength=3: must be from 0 to 2'],
])('rejects %j', (changes, message) => {
  expect(() => requireAugmentation({ ...defaultSettings, ...changes })).toThrow(message);
});
