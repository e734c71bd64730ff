import { expect, test } from '@jest/globals';
import { userFiles } from '../../../evaluator/sandbox/nameFiles.ts';

const user = { uid: 64_001, gid: 64_001 };
const contents = (...words: Parameters<typeof userFiles>) =>
  userFiles(...words).map(({ content }) => content);

test('the user of a stage has a name and a home, beside root and nobody', () => {
  expect(userFiles(user, '/work')).toEqual([
    {
      path: '/etc/passwd',
      content: expect.stringMatching(/^root:.*\nnobody:.*\nentry:x:64001:64001::\/work:\/bin\/sh\n$/),
    },
    { path: '/etc/group', content: expect.stringMatching(/^root:.*\nnogroup:.*\nentry:x:64001:\n$/) },
  ]);
});

test('the users of an image stay, also if its last line has no end', () => {
  const image = { passwd: 'conda:x:1000:1000::/home/conda:/bin/bash', group: '' };
  expect(contents(user, '/work', image)).toEqual([
    'conda:x:1000:1000::/home/conda:/bin/bash\nentry:x:64001:64001::/work:/bin/sh\n',
    'entry:x:64001:\n',
  ]);
});

test('a user that an image has already keeps its name', () => {
  const image = { passwd: 'contestant:x:64001:50::/c:/bin/sh\n', group: 'staff:x:50:\n' };
  expect(contents({ uid: 64_001, gid: 50 }, '/work', image)).toEqual([image.passwd, image.group]);
});

test('root outside a container is root inside', () => {
  expect(contents({ uid: 0, gid: 0 }, '/work').join()).not.toContain('entry');
});
