import { expect, test } from '@jest/globals';
import { formatSections } from '../../cli/commands/checkMachine.ts';

test('prints the remedy below a marked finding', () => {
  const text = formatSections([
    {
      title: 'Timing',
      findings: [
        { name: 'swap', value: 'none', remedy: null },
        { name: 'governor', value: 'powersave', remedy: 'set performance' },
      ],
    },
  ]);
  expect(text.split('\n')).toEqual([
    'Timing',
    '    swap      none',
    '  ! governor  powersave',
    '              -> set performance',
    '',
  ]);
});
