import { execFileSync } from 'node:child_process';
import { readFile, truncate } from 'node:fs/promises';
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
      expect.stringMatching(/^1 image without a row in .*labels\.csv, not used: .*in\/3\.png\.$/),
    ]);
  });

  test('leaves out many images without a row: 20 are named, and all in a file', async () => {
    await pictures(
      from(),
      Array.from({ length: 25 }, (_, index) => `more/${index + 10}.png`),
      100,
    );
    await table(plain);
    const unlabelledTo = join(folder.path, 'list.txt');
    const { warnings } = await read({ unlabelledTo });
    expect(warnings).toEqual([
      expect.stringMatching(/^25 images without a row in .*more\/29\.png and 5 more\.$/),
      `The list of all images without a row is in ${unlabelledTo}.`,
    ]);
    expect((await readFile(unlabelledTo, 'utf8')).split('\n')).toHaveLength(26);
  });

  test('may have one column per class, with 1 for the class of the image', async () => {
    await table('image,id_of_patient,cat,dog\n1,77,1.0,0.0\n2,78,0.0,1.0\n3,77,1.0,0.0\n');
    expect(await labelled()).toEqual(expected);
    await table(',image,cat,dog\n0,1,1,0\n1,2,False,True\n2,3,1,0\n');
    expect(await labelled()).toEqual(expected);
  });

  test('with one column per class is refused if images have several labels or none', async () => {
    await table('image,cat,dog,eel\n1,1,0,1\n2,0,1,0\n3,0,0,0\n');
    await expect(read()).rejects.toThrow(
      /labels\.csv: 2 of 3 rows have several labels or none: the columns of 0 and 1 are cat, dog, eel\. Each image needs one/,
    );
    await pictures(
      from(),
      Array.from({ length: 20 }, (_, index) => `b${index}.png`),
      50,
    );
    const rows = Array.from({ length: 20 }, (_, index) => `b${index},${index % 2},${1 - (index % 2)}\n`);
    await table(`image,cat,dog\n${rows.join('')}1,1,1\n2,0,0\n`);
    await expect(read()).rejects.toMatchObject({
      details: [
        expect.stringMatching(/line 22: has the labels cat, dog for 1\.png/),
        expect.stringMatching(/line 23: gives 2\.png no label/),
      ],
    });
    expect((await read({ skipUnreadable: true })).train.labels).toHaveLength(20);
  });

  test('may give a number and a name per class; the names are the classes', async () => {
    await table('file,label,class_name\n1.png,1,cat\n2.png,0,dog\n3.png,1,cat\n');
    expect(await labelled()).toEqual(expected);
    await table('file,category,target\n1.png,cat,1\n2.png,dog,0\n3.png,cat,1\n');
    expect(await labelled()).toEqual(expected);
  });

  test('is refused if several columns may hold the labels and differ', async () => {
    await table('file,label,category\n1.png,1,cat\n2.png,0,dog\n3.png,2,cat\n');
    await expect(read()).rejects.toThrow(
      /does not say which column holds the labels; label, category differ\. Name it with --label-column/,
    );
    expect((await read({ labelColumn: 'label' })).classes).toEqual(['0', '1', '2']);
    expect(await labelled({ labelColumn: 'category' })).toEqual(expected);
  });

  test('may have other columns with headings that are less usual', async () => {
    await table('file,x,y,label,breed\n1.png,5,6,cat,a\n2.png,7,8,dog,b\n3.png,9,1,cat,c\n');
    expect(await labelled()).toEqual(expected);
  });

  test('may name several files per row; which are the images is asked', async () => {
    await pictures(from(), ['m1.png', 'm2.png', 'm3.png'], 20);
    await table('before,after,label\n1,m1,cat\n2,m2,dog\n3,m3,cat\n');
    await expect(read()).rejects.toThrow(
      /does not say which column names the images; before, after name different files\. Name it with --image-column/,
    );
    expect(await labelled({ imageColumn: 'before' })).toEqual(expected);
    await expect(read({ imageColumn: 'between' })).rejects.toThrow(
      /--image-column between: .*no such column; it has before, after, label/,
    );
    await table('image,mask,label\n1,m1,cat\n2,m2,dog\n3,m3,cat\n');
    expect(await labelled()).toEqual(expected);
    await table('id,path,label\n1,1.png,cat\n2,2.png,dog\n3,3.png,cat\n');
    expect(await labelled()).toEqual(expected);
  });

  test('may be of one JSON object per line', async () => {
    const line = (name: string, label: string) =>
      JSON.stringify({ file_name: name, objects: { bbox: [1] }, label });
    await table(
      `${line('1.png', 'cat')}\n${line('2.png', 'dog')}\n\n${line('3.png', 'cat')}\n`,
      'metadata.jsonl',
    );
    expect(await labelled({ labels: 'metadata.jsonl' })).toEqual(expected);
    await table(`${line('1.png', 'cat')}\n[1]\n`, 'metadata.jsonl');
    await expect(read({ labels: 'metadata.jsonl' })).rejects.toThrow(
      /metadata\.jsonl: is not a table \(line 2 is no JSON object\)/,
    );
  });

  test('is refused if it is far too large for a table', async () => {
    await table('');
    await truncate(join(from(), 'labels.csv'), 2 ** 31);
    await expect(read()).rejects.toThrow(
      /labels\.csv: cannot be read \(it has 2147483648 bytes; at most 268435456/,
    );
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

test('paths may start from the folder of the table', async () => {
  await pictures(from(), ['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png']);
  await table('path,label\n1.png,cat\n2.png,dog\n..\\b\\1.png,dog\n', 'a/labels.csv');
  expect(await labelled({ labels: 'a/labels.csv' })).toEqual({
    'a/1.png': 'cat',
    'a/2.png': 'dog',
    'b/1.png': 'dog',
  });
});

describe('a split is given', () => {
  const halves = (source: Awaited<ReturnType<typeof read>>) => [source.train.names, source.test?.names];
  const four = ['1.png', '2.png', '3.png', '4.png'];

  test('by a column of the table', async () => {
    await pictures(from(), four);
    await table('file,label,split\n1.png,cat,train\n2.png,dog,Train\n3.png,cat,test\n4.png,dog,TEST\n');
    const source = await read();
    expect(halves(source)).toEqual([
      ['1.png', '2.png'],
      ['3.png', '4.png'],
    ]);
    expect(source.description).toBe('images in in, labels from labels.csv, split as given (train, test)');
    expect(source.warnings).toEqual([]);
    expect(halves(await read({ testFrom: 'batches' }))).toEqual([['1.png', '2.png'], undefined]);
  });

  test('with validation images, which are held out if the test images have no labels', async () => {
    await pictures(from(), [...four, '5.png']);
    await table(
      'file,label,set\n1.png,cat,train\n2.png,dog,train\n3.png,cat,val\n4.png,dog,valid\n5.png,,test\n',
    );
    const source = await read();
    expect(halves(source)).toEqual([
      ['1.png', '2.png'],
      ['3.png', '4.png'],
    ]);
    expect(source.warnings).toEqual(['1 row of test not used: they have no labels.']);
    await table(
      'file,label,set\n1.png,cat,train\n2.png,dog,train\n3.png,cat,val\n4.png,dog,test\n5.png,cat,test\n',
    );
    const both = await read();
    expect(both.test!.names).toEqual(['4.png', '5.png']);
    expect(both.warnings).toEqual(['1 row of validation not used: the held-out images come from test.']);
  });

  test.each([
    ['is_valid', 'False', 'True'],
    ['is_test', '0', '1'],
    ['is_train', 'TRUE', 'FALSE'],
  ])('by a column %s', async (heading, train, heldOut) => {
    await pictures(from(), four);
    await table(
      `fname,label,${heading}\n1.png,cat,${train}\n2.png,dog,${train}\n3.png,cat,${heldOut}\n4.png,dog,${heldOut}\n`,
    );
    expect(halves(await read())).toEqual([
      ['1.png', '2.png'],
      ['3.png', '4.png'],
    ]);
  });

  test('not by a column of numbers, with a warning', async () => {
    await pictures(from(), four);
    await table('file,label,split\n1.png,cat,0\n2.png,dog,0\n3.png,cat,1\n4.png,dog,1\n');
    const source = await read();
    expect(halves(source)).toEqual([four, undefined]);
    expect(source.warnings).toEqual([
      expect.stringMatching(
        /^The column "split" of .*labels\.csv is not used as a split: "0" is none of train, test/,
      ),
    ]);
  });

  test('and a file in both halves is refused', async () => {
    await pictures(from(), four);
    await table('file,label,split\n1.png,cat,train\n2.png,dog,train\n1.png,cat,test\n4.png,dog,test\n');
    await expect(read()).rejects.toThrow(/line 4: puts 1\.png into test, but line 2 into train/);
  });

  test.each(['csv', 'jsonl'])("by one table per folder, as the hub's metadata.%s", async (suffix) => {
    await pictures(from(), ['train/1.png', 'train/2.png', 'test/1.png', 'test/2.png']);
    const content =
      suffix === 'csv'
        ? 'file_name,label\n1.png,cat\n2.png,dog\n'
        : '{"file_name": "1.png", "label": "cat"}\n{"file_name": "2.png", "label": "dog"}\n';
    for (const half of ['train', 'test']) await table(content, `${half}/metadata.${suffix}`);
    await expect(readImageFolder({ from: from() })).rejects.toThrow(`add --labels metadata.${suffix}`);
    const source = await read({ labels: `metadata.${suffix}` });
    expect(halves(source)).toEqual([
      ['train/1.png', 'train/2.png'],
      ['test/1.png', 'test/2.png'],
    ]);
    expect(source.classes).toEqual(['cat', 'dog']);
  });
});
