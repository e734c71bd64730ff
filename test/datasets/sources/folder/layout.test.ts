import { execFileSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readImageFolder } from '../../../../datasets/sources/imageFolder.ts';
import { temporaryFolder } from '../../temporaryFolder.ts';
import { numbered, pictures, put } from './pictures.ts';

const folder = temporaryFolder();
const read = (options = {}) => readImageFolder({ from: join(folder.path, 'in'), ...options });
const make = (...paths: string[]) => pictures(join(folder.path, 'in'), paths);

describe('a given split', () => {
  test.each([
    ['train', 'val'],
    ['Train', 'Test'],
    ['training', 'testing'],
    ['train', 'valid'],
    ['training_set', 'test_set'],
  ])('%s/CLASS beside %s/CLASS gives both halves', async (train, test) => {
    await make(
      ...['cat', 'dog'].flatMap((name) => [
        `${train}/${name}/1.png`,
        `${train}/${name}/2.png`,
        `${test}/${name}/1.png`,
      ]),
    );
    const source = await read();
    expect(source.classes).toEqual(['cat', 'dog']);
    expect([...source.train.labels]).toEqual([0, 0, 1, 1]);
    expect([...source.test!.labels]).toEqual([0, 1]);
    expect(source.test!.names).toEqual([`${test}/cat/1.png`, `${test}/dog/1.png`]);
    expect(source.description).toBe(`images in in, split as given (${train}, ${test})`);
  });

  test('with --test-from batches, the held-out half is not read', async () => {
    await make('train/cat/1.png', 'train/dog/1.png', 'val/cat/1.png', 'val/dog/1.png');
    const source = await read({ testFrom: 'batches' });
    expect(source.test).toBeUndefined();
    expect(source.description).toBe('images in in');
  });

  test('of test and val, test is taken and val is named', async () => {
    await make(...['train', 'val', 'test'].flatMap((half) => [`${half}/cat/1.png`, `${half}/dog/1.png`]));
    const source = await read();
    expect(source.test!.names).toEqual(['test/cat/1.png', 'test/dog/1.png']);
    expect(source.warnings).toEqual([
      expect.stringMatching(/in\/val is not used: .* come from .*in\/test\./),
    ]);
  });

  test('halves with different classes are refused, and every difference is named', async () => {
    await make('train/cat/1.png', 'train/dog/1.png', 'train/eel/1.png', 'val/cat/1.png', 'val/fox/1.png');
    await expect(read()).rejects.toMatchObject({
      details: [
        expect.stringMatching(/train\/dog: has no counterpart in .*in\/val/),
        expect.stringMatching(/train\/eel: has no counterpart/),
        expect.stringMatching(/val\/fox: has no counterpart in .*in\/train/),
      ],
    });
  });

  test('a test folder without class folders is refused, with the folder to give', async () => {
    await make('train/cat/1.png', 'train/dog/1.png', 'test/1.png');
    await expect(read()).rejects.toThrow(
      /has class folders in train\/ only; seen: test\/ \(1 file\), train\/ \(2 folders\).*--from .*in\/train/,
    );
  });

  test('a class named train beside other classes is a class', async () => {
    await make('bus/1.png', 'car/1.png', 'train/1.png');
    expect((await read()).classes).toEqual(['bus', 'car', 'train']);
  });
});

describe('one more folder around everything', () => {
  test('is opened', async () => {
    await make('pets/cat/1.png', 'pets/dog/1.png');
    await put(join(folder.path, 'in'), 'README.txt', 'x');
    await put(join(folder.path, 'in'), '__MACOSX/pets/._cat', 'x');
    expect((await read()).classes).toEqual(['cat', 'dog']);
  });

  test('is opened around a split, too', async () => {
    await make(...['train', 'test'].flatMap((half) => [`pets/${half}/cat/1.png`, `pets/${half}/dog/1.png`]));
    expect((await read()).test!.labels).toHaveLength(2);
  });

  test('is opened in each half of a split', async () => {
    await make(
      ...['seg_train', 'seg_test'].flatMap((half) => [
        `${half}/${half}/cat/1.png`,
        `${half}/${half}/dog/1.png`,
      ]),
    );
    await make('seg_pred/seg_pred/1.png');
    const source = await read();
    expect(source.train.names).toEqual(['seg_train/seg_train/cat/1.png', 'seg_train/seg_train/dog/1.png']);
    expect(source.test!.labels).toHaveLength(2);
    expect(source.warnings).toEqual([expect.stringMatching(/in\/seg_pred is not used/)]);
  });

  test('is not opened twice', async () => {
    await make('a/pets/cat/1.png', 'a/pets/dog/1.png');
    await expect(read()).rejects.toThrow(/has 1 class folders.*seen: pets\/ \(2 folders\)/);
  });
});

test('a folder of images alone in each class folder is opened, as in Tiny ImageNet', async () => {
  await make('train/n01/images/n01_0.JPEG', 'train/n02/images/n02_0.JPEG', 'val/images/val_0.JPEG');
  await put(join(folder.path, 'in'), 'train/n01/n01_boxes.txt', 'x');
  await expect(read()).rejects.toThrow(
    /has class folders in train\/ only; seen: train\/ \(2 folders\), val\/ \(1 file\)/,
  );
  const { classes, train } = await readImageFolder({ from: join(folder.path, 'in/train') });
  expect(classes).toEqual(['n01', 'n02']);
  expect(train.names).toEqual(['n01/images/n01_0.JPEG', 'n02/images/n02_0.JPEG']);
});

describe('what is not classes is refused, with what was seen:', () => {
  test.each<[string, string[], RegExp]>([
    [
      'a competition',
      ['train/1.png', 'train/2.png', 'test/1.png', 'trainLabels.csv'],
      /has no class folders: test, train are not names of classes; seen: test\/ \(1 file\), train\/ \(2 files\), trainLabels\.csv\. .*--labels trainLabels\.csv/,
    ],
    [
      'the same without a table',
      ['train/1.png', 'test/1.png'],
      /test, train are not names of classes.*--labels FILE/,
    ],
    ['longer names', ['train_images/1.png', 'test_images/1.png', 'train.csv'], /--labels train\.csv/],
    [
      'the same with another folder',
      ['train/1.png', 'test/1.png', 'other/1.png', 'l.csv'],
      /--labels l\.csv/,
    ],
    ['images and masks', ['images/1.png', 'masks/1.png'], /images, masks are not names of classes/],
    ['parts', ['images_001/1.png', 'images_002/1.png'], /images_001, images_002 are not names/],
    ['images and no folder', ['1.png', '2.png'], /has 0 class folders; seen: 1\.png, 2\.png\. .*--labels/],
    ['one class', ['cat/1.png'], /has 1 class folders; expected 2 to 256; seen: cat\/ \(1 file\)/],
  ])('%s', async (_, paths, reason) => {
    for (const path of paths) await put(join(folder.path, 'in'), path, 'never decoded');
    await expect(read()).rejects.toThrow(reason);
  });

  test('an empty folder', async () => {
    await mkdir(join(folder.path, 'in'));
    await expect(read()).rejects.toThrow(/has 0 class folders; seen: nothing/);
  });

  test('a named pipe, which is not opened', async () => {
    execFileSync('mkfifo', [join(folder.path, 'in')]);
    await expect(read()).rejects.toThrow(/in: is a file, not a folder\. /);
  });

  test('an archive', async () => {
    await put(folder.path, 'in', Buffer.from('504b0304140000000000000000', 'hex'));
    await expect(read()).rejects.toThrow(
      /is a file, not a folder \(it is a ZIP archive\)\. Unpack it and give/,
    );
  });
});

describe('links', () => {
  test('to class folders and to images are followed, inside the source and out of it', async () => {
    await make('cat/1.png', 'all/2.png');
    await pictures(folder.path, numbered('elsewhere/bird', 2), 10);
    await symlink('../elsewhere/bird', join(folder.path, 'in/bird'));
    await symlink('../../elsewhere/bird/1.png', join(folder.path, 'in/cat/0.png'));
    const { classes, train } = await read();
    expect(classes).toEqual(['all', 'bird', 'cat']);
    expect(train.names).toEqual(['all/2.png', 'bird/1.png', 'bird/2.png', 'cat/0.png', 'cat/1.png']);
  });

  test('may be all there is', async () => {
    await pictures(folder.path, ['elsewhere/bird/1.png', 'elsewhere/fish/1.png']);
    await mkdir(join(folder.path, 'in'));
    for (const name of ['bird', 'fish']) {
      await symlink(join(folder.path, 'elsewhere', name), join(folder.path, 'in', name));
    }
    expect((await read()).classes).toEqual(['bird', 'fish']);
  });

  test('that lead nowhere or in a circle are all named, and --skip-unreadable keeps no class without them', async () => {
    await make('cat/1.png', 'dog/1.png');
    await symlink('../gone', join(folder.path, 'in/bird'));
    await symlink('lost.png', join(folder.path, 'in/cat/gone.png'));
    await symlink('.', join(folder.path, 'in/here'));
    await symlink('self', join(folder.path, 'in/self'));
    await symlink('..', join(folder.path, 'in/dog/up'));
    for (const skipUnreadable of [false, true]) {
      await expect(read({ skipUnreadable })).rejects.toMatchObject({
        details: [
          expect.stringMatching(/in\/bird: is a link to \.\.\/gone, which does not exist/),
          expect.stringMatching(/in\/cat\/gone\.png: is a link to lost\.png, which does not exist/),
          expect.stringMatching(/in\/dog\/up: is a link to a folder that contains it/),
          expect.stringMatching(/in\/here: is a link to a folder that contains it/),
          expect.stringMatching(/in\/self: is a link that leads back to itself/),
        ],
      });
    }
  });
});

describe('a warning names', () => {
  test.each([
    ['cat/A.png', 'cat/a.png', 'case'],
    ['cat/caf\u00e9.png', 'cat/cafe\u0301.png', 'Unicode normalization'],
    ['cat/a.png', 'cat/a .png', 'spaces at the end'],
    ['cat/a.png', 'cat/a.png ', 'spaces at the end'],
    ['cat/1.png', 'Cat/1.png', 'case'],
    ['cat/1.png', 'cat /1.png', 'spaces at the end'],
  ])('"%s" and "%s", which differ only in %s', async (one, other, difference) => {
    await make(one, other, 'dog/1.png');
    expect((await read()).warnings![0]).toMatch(
      new RegExp(`^".*in/.*" and ".*in/.*" differ only in ${difference}`),
    );
  });

  test('a class whose name starts with a dot, but no folder that tools make', async () => {
    await make('cat/1.png', 'dog/1.png', '.eel/1.png', '.ipynb_checkpoints/1.png', '.git/1.png');
    const source = await read();
    expect(source.classes).toEqual(['cat', 'dog']);
    expect(source.warnings).toEqual([
      expect.stringMatching(/in\/\.eel is not used, because its name starts with a dot/),
    ]);
  });

  test('images and a table beside the class folders, which are not used', async () => {
    await make('cat/1.png', 'dog/1.png', 'logo.png');
    await put(join(folder.path, 'in'), 'labels.csv', 'file,label\n');
    expect((await read()).warnings).toEqual([
      expect.stringMatching(/^1 image beside the class folders, such as .*in\/logo\.png, not used/),
      expect.stringMatching(/in\/labels\.csv was not read\. To use it, add --labels labels\.csv/),
    ]);
  });
});
