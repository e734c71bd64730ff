import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { readImageFolder } from '../../../../datasets/sources/imageFolder.ts';
import { temporaryFolder } from '../../temporaryFolder.ts';
import { pictures, put } from './pictures.ts';

const folder = temporaryFolder();
const from = () => join(folder.path, 'in');
const read = (options = {}) => readImageFolder({ from: from(), labels: 'labels.csv', ...options });
const table = (content: string | Uint8Array, name = 'labels.csv') => put(from(), name, content);

/** Returns the labelled names of a source. */
async function labelled(options = {}): Promise<Record<string, string>> {
  const { train, classes } = await read(options);
  return Object.fromEntries(train.names!.map((name, row) => [name, classes[train.labels[row]!]!]));
}

describe('a table of labels for images in one folder', () => {
  beforeEach(() => pictures(from(), ['1.png', '2.png', '3.png']));
  const expected = { '1.png': 'cat', '2.png': 'dog', '3.png': 'cat' };
  const plain = 'id,label\n1,cat\n2,dog\n3,cat\n';

  test.each<[string, string | Uint8Array]>([
    ['ids', plain],
    ['file names', 'file_name,class\n1.png,cat\n2.png,dog\n3.png,cat\n'],
    ['semicolons', 'Image;Category\n1.png;cat\n2.png;dog\n3.png;cat\n'],
    ['tabs and CRLF', 'filename\tlabel\r\n1.png\tcat\r\n2.png\tdog\r\n3.png\tcat\r\n'],
    ['bars', 'id|breed\n1|cat\n2|dog\n3|cat\n'],
    ['spaces', '1.png cat\n2.png dog\n3.png cat\n'],
    ['quotes', '"id","label"\n"1","cat"\n"2", "dog"\n"3","cat"\n'],
    ['no header', '1.png,cat\n2.png,dog\n3.png,cat\n'],
    ['the label first', 'label,id\ncat,1\ndog,2\ncat,3\n'],
    ['other headings', 'photo,animal\n1.png,cat\n2.png,dog\n3.png,cat\n'],
    ['more columns', 'x,label,image\n9,cat,1.png\n8,dog,2.png\n7,cat,3.png\n'],
    ['spaces and empty lines', 'id , label\n\n1, cat\n2 , dog \n3,cat\n\n'],
    ['a byte order mark', Buffer.from(`\ufeff${plain}`)],
    ['UTF-16', Buffer.from(`\ufeff${plain.replaceAll(',', '\t')}`, 'utf16le')],
    ["Excel's first line", `sep=;\n${plain.replaceAll(',', ';')}`],
    ['paths', 'path,label\n./1.png,cat\nin/2.png,dog\nC:\\data\\in\\3.png,cat\n'],
    ['the same row twice', `${plain}2,dog\n`],
    ['rows in another order', 'id,label\n3,cat\n1,cat\n2,dog\n'],
  ])('may have %s', async (_, content) => {
    await table(content);
    expect(await labelled()).toEqual(expected);
  });

  test('lies anywhere, and is named in the description', async () => {
    await put(folder.path, 'elsewhere.csv', plain);
    expect((await read({ labels: join(folder.path, 'elsewhere.csv') })).description).toBe(
      'images in in, labels from elsewhere.csv',
    );
  });

  test('gives classes by name, or by number if all are numbers', async () => {
    await table('id,label\n1,10\n2,9\n3,10\n');
    expect((await read()).classes).toEqual(['9', '10']);
  });

  test('may name its column of labels by an option', async () => {
    await table('id,colour,size\n1,red,big\n2,blue,big\n3,red,small\n');
    await expect(read()).rejects.toThrow(
      /labels\.csv: does not say which column holds the labels; it has id, colour, size\. Name it with --label-column/,
    );
    expect((await read({ labelColumn: 'size' })).classes).toEqual(['big', 'small']);
    await expect(read({ labelColumn: 'age' })).rejects.toThrow(
      /--label-column age: .*no such column; it has id, colour, size/,
    );
  });

  test('has labels that differ only in case named in a warning', async () => {
    await table('id,label\n1,cat\n2,Cat\n3,dog\n');
    const source = await read();
    expect(source.classes).toEqual(['Cat', 'cat', 'dog']);
    expect(source.warnings).toEqual(['"Cat" and "cat" differ only in case.']);
  });

  test('leaves out images without a row, with a warning', async () => {
    await table('id,label\n1,cat\n2,dog\n');
    const source = await read();
    expect(source.train.names).toEqual(['1.png', '2.png']);
    expect(source.warnings).toEqual([
      expect.stringMatching(/^1 image without a row in .*labels\.csv, such as .*in\/3\.png, not used/),
    ]);
  });

  test('has all its wrong rows named; --skip-unreadable leaves out those without a file or a label', async () => {
    await table(`${plain}7,cat\n8,dog\n,cat\n3.png,\n`);
    const wrong = [
      /labels\.csv, line 5: the folder has no file "7"/,
      /labels\.csv, line 6: the folder has no file "8"/,
      /labels\.csv, line 7: names no file/,
      /labels\.csv, line 8: gives 3\.png no label/,
    ];
    await expect(read()).rejects.toMatchObject({
      reason: '4 files or rows cannot be used',
      details: wrong.map((pattern) => expect.stringMatching(pattern)),
    });
    const source = await read({ skipUnreadable: true });
    expect(source.train.names).toEqual(['1.png', '2.png', '3.png']);
    expect(source.trackWarnings![0]).toBe('Left out labels.csv, line 5: the folder has no file "7".');
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    [
      'two labels for one file',
      `${plain}1.png,dog\n`,
      /line 5: gives 1\.png the label "dog", but line 2 "cat"/,
    ],
    [
      'one label',
      'id,label\n1,cat\n2,cat\n',
      /has 1 different labels in the column "label"; expected 2 to 256/,
    ],
    ['one column', 'id\n1\n2\n', /has one column \("id"\)/],
    [
      'no file of the folder',
      'id,label\na,cat\nb,dog\n',
      /names no file in .*; its columns are id, label, its first row a, cat/,
    ],
    ['an open quote', 'id,label\n1,"cat\n2,dog\n', /is not a table \(.*quote/i],
    ['empty lines', '\n\n', /is not a table \(it has no rows\)/],
    ['nothing', '', /is empty, 0 bytes, not a table of text/],
    ['a ZIP, as .xlsx is', Buffer.from('504b0304140000000000000000', 'hex'), /is a ZIP archive, not a table/],
    ['Latin-1', Buffer.from('id,label\n1,K\xe4fer\n', 'latin1'), /is not text in UTF-8/],
  ])('is refused with %s', async (_, content, reason) => {
    await table(content);
    await expect(read()).rejects.toThrow(reason);
  });

  test('is refused if it is a pipe or a folder', async () => {
    execFileSync('mkfifo', [join(from(), 'labels.csv')]);
    await expect(read()).rejects.toThrow(/labels\.csv: is not a file\. Give a table/);
    await expect(read({ labels: from() })).rejects.toThrow(/in: is not a file/);
  });

  test('is refused if it does not exist', async () => {
    await expect(read({ labels: 'none.csv' })).rejects.toThrow(
      /--labels none\.csv: does not exist here or in /,
    );
  });
});

test('names without a folder mean training images where test images lie beside them', async () => {
  await pictures(from(), ['train/1.png', 'train/2.png', 'test/1.png', 'test/2.png']);
  await table('id,label\n1,cat\n2,dog\n', 'trainLabels.csv');
  const source = await read({ labels: 'trainLabels.csv' });
  expect(source.classes).toEqual(['cat', 'dog']);
  expect(source.train.names).toEqual(['train/1.png', 'train/2.png']);
  expect(source.test).toBeUndefined();
});

test('paths in a table distinguish files of one name; a bare name of two files is refused', async () => {
  await pictures(from(), ['a/1.png', 'b/1.png']);
  await table('path,label\na/1.png,cat\nb/1,dog\n');
  expect(await labelled()).toEqual({ 'a/1.png': 'cat', 'b/1.png': 'dog' });
  await table('path,label\n1.png,cat\nb/1,dog\n');
  await expect(read()).rejects.toThrow(/"1\.png" may be a\/1\.png or b\/1\.png/);
});

test('an id means the image, not another file of that name', async () => {
  await pictures(from(), ['1.jpg', '2.jpg']);
  await put(from(), '1.txt', 'notes');
  await table('id,label\n1,cat\n2,dog\n');
  expect(await labelled()).toEqual({ '1.jpg': 'cat', '2.jpg': 'dog' });
});
