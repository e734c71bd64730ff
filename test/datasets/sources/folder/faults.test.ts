import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readImageFolder } from '../../../../datasets/sources/imageFolder.ts';
import { temporaryFolder } from '../../temporaryFolder.ts';
import { numbered, picture, pictures, put } from './pictures.ts';

const folder = temporaryFolder();
const from = () => join(folder.path, 'in');
const read = (options = {}) => readImageFolder({ from: from(), ...options });
const classes = () => pictures(from(), [...numbered('cat', 2), ...numbered('dog', 2)]);
const bytes = (text: string) => Buffer.from(text, 'latin1');
const joined = (...parts: (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

test('all files that cannot be read are listed, in the same order each time', async () => {
  await classes();
  await put(from(), 'dog/b.jpg', '');
  await put(from(), 'dog/a.jpg', '<html><body>404</body></html>');
  await put(from(), 'cat/cut.png', (await picture(9)).subarray(0, 900));
  await put(from(), 'cat/Thumbs.db', 'x');
  await put(from(), 'cat/desktop.ini', 'x');
  await put(from(), 'cat/.DS_Store', 'x');
  await put(from(), 'cat/1.png:Zone.Identifier', 'x');
  await put(from(), '__MACOSX/1.png', 'x');
  for (let time = 0; time < 2; time++) {
    await expect(read()).rejects.toMatchObject({
      path: from(),
      reason: '3 files or folders cannot be used',
      details: [
        `${from()}/cat/cut.png: is not a readable image (it is a PNG image, cut off or damaged)`,
        `${from()}/dog/a.jpg: is not a readable image (it is an HTML page, as a failed download leaves it)`,
        `${from()}/dog/b.jpg: is not a readable image (it is empty, 0 bytes)`,
      ],
      remedy: expect.stringMatching(/add --skip-unreadable\.$/),
    });
  }
});

test('--skip-unreadable leaves them out and says so', async () => {
  await classes();
  const whole = await read();
  await put(from(), 'cat/0.png', 'text');
  await put(from(), 'dog/3.png', 'text');
  const source = await read({ skipUnreadable: true });
  expect(source.train).toEqual(whole.train);
  expect(source.trackWarnings).toEqual([
    'Left out cat/0.png: is not a readable image (it is text).',
    'Left out dog/3.png: is not a readable image (it is text).',
  ]);
  expect(whole.trackWarnings).toEqual([]);
});

test('--skip-unreadable does not leave out a whole class', async () => {
  await classes();
  await put(from(), 'eel/1.png', 'text');
  await expect(read({ skipUnreadable: true })).rejects.toThrow(/no readable image is left of "eel"/);
});

test('the first 20 are printed and all are written to a file', async () => {
  await classes();
  for (let number = 10; number < 35; number++) await put(from(), `cat/${number}.png`, 'text');
  const listTo = join(folder.path, 'list.txt');
  const error = await read({ listTo }).catch((fault) => fault);
  expect(error.details).toHaveLength(21);
  expect(error.details[20]).toBe(`and 5 more; the whole list is in ${listTo}`);
  const lines = (await readFile(listTo, 'utf8')).split('\n');
  expect(lines).toHaveLength(26);
  expect(lines[24]).toMatch(/cat\/34\.png: is not a readable image/);
  await rm(listTo);
  const source = await read({ listTo, skipUnreadable: true });
  expect(source.trackWarnings).toHaveLength(21);
  expect(source.trackWarnings![20]).toBe('Left out 5 more files that cannot be read.');
  expect(source.warnings).toEqual([`The list of all files left out is in ${listTo}.`]);
});

const box = (brand: string) =>
  joined(Buffer.from('00000018', 'hex'), `ftyp${brand}`, Buffer.alloc(4), `mif1${brand}`, Buffer.alloc(60));
test.each<[string, Buffer, RegExp]>([
  ['HEIC', box('heic'), /is a HEIC image.*Convert HEIC to JPEG, for example with `heif-convert/],
  [
    'BMP',
    joined(Buffer.from('424d46000000000000003600000028000000', 'hex'), Buffer.alloc(40)),
    /a BMP image\)\. Convert BMP to PNG/,
  ],
  ['JPEG XL', bytes('\xff\x0a\x00\x00'), /a JPEG XL image/],
  ['ICO', bytes('\0\0\x01\0\x01\0\x10\x10\0\0'), /an icon/],
  ['Photoshop', joined('8BPS', Buffer.from([0, 1]), Buffer.alloc(40)), /a Photoshop document/],
  ['DICOM', joined(Buffer.alloc(128), 'DICM', Buffer.alloc(20)), /a DICOM image/],
  ['PPM', bytes('P6\n1 1\n255\nabc'), /a PNM image/],
  [
    'TGA',
    Buffer.from('000002000000000000000000400040001800f0b04cf0', 'hex'),
    /a Targa \(TGA\) image\)\. Convert TGA to PNG/,
  ],
  ['DDS', bytes('DDS \x7c\0\0\0'), /a DDS texture/],
  ['SGI', Buffer.from('01da00010003004000400003', 'hex'), /an SGI image/],
  ['PCX', Buffer.from('0a050108000000003f003f00', 'hex'), /a PCX image/],
  ['XBM', bytes('#define im_width 64\n'), /an XBM image/],
  ['OpenEXR', Buffer.from('762f310102000000', 'hex'), /an OpenEXR image/],
  ['ICNS', bytes('icns\0\0\x10\0'), /an icon \(ICNS\)/],
  ['PDF', bytes('%PDF-1.4\n'), /a PDF document/],
  ['MP4', box('isom'), /of the format MP4/],
  ['ZIP', bytes('PK\x03\x04\x14\0\0\0\0\0'), /a ZIP archive\)\. Unpack archives/],
  ['NumPy', bytes('\x93NUMPY\x01\0'), /a NumPy array/],
  [
    'a Git LFS pointer',
    bytes('version https://git-lfs.github.com/spec/v1\n'),
    /Git LFS pointer.*git lfs pull/,
  ],
  ['text', bytes('hello'), /it is text\)/],
  ['zeros', Buffer.alloc(300), /in no known image format/],
  [
    'a broken SVG',
    bytes('<svg xmlns="http://www.w3.org/2000/svg"><rect'),
    /an SVG image, cut off or damaged/,
  ],
])('a file of %s is called what it is, with what to do', async (_, content, reason) => {
  await classes();
  await put(from(), 'cat/x.jpg', content);
  await expect(read()).rejects.toThrow(reason);
});

test('an image with too many pixels is called so', async () => {
  await classes();
  const huge =
    '<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"><rect width="9" height="9"/></svg>';
  await put(from(), 'cat/x.svg', huge);
  await expect(read()).rejects.toThrow(/it is an SVG image of more than 268 million pixels/);
});

describe('what is neither a readable file nor a readable folder', () => {
  test('does not stop the run: a pipe, a socket', async () => {
    await classes();
    execFileSync('mkfifo', [join(from(), 'cat/pipe.jpg'), join(from(), 'pipe')]);
    const server = createServer();
    await new Promise<void>((done) => server.listen(join(from(), 'dog/socket'), done));
    try {
      await symlink('/dev/zero', join(from(), 'dog/device'));
      await expect(read()).rejects.toMatchObject({
        details: [
          `${from()}/cat/pipe.jpg: is a named pipe, not a file`,
          `${from()}/dog/device: is a device, not a file`,
          `${from()}/dog/socket: is a socket, not a file`,
        ],
      });
      expect((await read({ skipUnreadable: true })).train.labels).toHaveLength(4);
    } finally {
      server.close();
    }
  });

  // Root reads everything, so the test gives up its rights for a while.
  const isRoot = process.geteuid!() === 0;
  async function asNobody<T>(work: () => Promise<T>): Promise<T> {
    if (!isRoot) return work();
    await chmod(folder.path, 0o755);
    process.seteuid!(65_534);
    try {
      return await work();
    } finally {
      process.seteuid!(0);
    }
  }

  test('is named: a class folder and a file without the right to read', async () => {
    await classes();
    await pictures(from(), ['eel/1.png']);
    await chmod(join(from(), 'eel'), 0);
    await chmod(join(from(), 'cat/1.png'), 0);
    const error = await asNobody(() => read({ skipUnreadable: true }).catch((fault) => fault));
    await chmod(join(from(), 'eel'), 0o755);
    expect(error).toMatchObject({
      name: 'UserError',
      details: [`${from()}/cat/1.png: cannot be read (EACCES)`, `${from()}/eel: cannot be read (EACCES)`],
    });
  });

  test('is named: the source itself', async () => {
    await classes();
    await chmod(from(), 0);
    const error = await asNobody(() => read().catch((fault) => fault));
    await chmod(from(), 0o755);
    expect(error).toMatchObject({ name: 'UserError', path: from(), reason: 'cannot be read (EACCES)' });
  });
});

describe('names that are not UTF-8', () => {
  const raw = (...parts: string[]) => joined(`${from()}/`, ...parts.map(bytes));

  test('are read if they are names of images', async () => {
    await classes();
    const whole = await read();
    await writeFile(raw('cat/', 'caf\xe9.png'), await picture(50));
    await writeFile(raw('cat/', 'caf\xe8.png'), await picture(51));
    const { train } = await read();
    expect(train.labels).toHaveLength(6);
    expect(Buffer.from(train.images).includes(Buffer.from(whole.train.images.subarray(0, 3072)))).toBe(true);
    expect(train.names!.slice(2, 4)).toEqual(['cat/caf\ufffd.png', 'cat/caf\ufffd.png']);
  });

  test('are refused if they are names of classes', async () => {
    await classes();
    await mkdir(raw('K\xe4fer'));
    await writeFile(raw('K\xe4fer', '/1.png'), await picture(50));
    await expect(read()).rejects.toThrow(/in\/K\ufffdfer: has a name that is not UTF-8\. Rename/);
  });
});

test('names with line breaks are read', async () => {
  await classes();
  await pictures(from(), ['cat/a\nb.png', 'dog\nhouse/1.png'], 70);
  const { classes: names, train } = await read();
  expect(names).toEqual(['cat', 'dog', 'dog\nhouse']);
  expect(train.labels).toHaveLength(6);
});

test('every empty class folder and every nested folder is named, beside the broken images', async () => {
  await classes();
  await put(from(), 'eel/.keep', '');
  await put(from(), 'fox/.keep', '');
  await put(from(), 'cat/more/1.png', 'x');
  await put(from(), 'dog/x.png', 'x');
  await expect(read()).rejects.toMatchObject({
    details: [
      `${from()}/cat/more: is a folder inside a class folder`,
      `${from()}/dog/x.png: is not a readable image (it is text)`,
      `${from()}/eel: contains no image`,
      `${from()}/fox: contains no image`,
    ],
  });
});
