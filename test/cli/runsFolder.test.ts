import { expect, test } from '@jest/globals';
import { runsFolderFor } from '../../cli/runsFolder.ts';

test.each([
  ['my-entry', '/home/me', 'runs'],
  ['.', '/home/me/my-entry', '/home/me/runs'],
  ['..', '/home/me/my-entry/src', '/home/me/runs'],
  ['/home/me/my-entry', '/home/me/my-entry', '/home/me/runs'],
  ['/home/me/my-entry', '/home/me/my-entry-2', 'runs'],
  ['entry.tar.gz', '/home/me', 'runs'],
])('runs of the entry %s started in %s are kept in %s', (entry, current, runs) => {
  expect(runsFolderFor(entry, current)).toBe(runs);
});
