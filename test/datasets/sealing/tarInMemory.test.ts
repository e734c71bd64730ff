import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Header } from 'tar';
import { packTar, unpackTar } from '../../../datasets/sealing/tarInMemory.ts';
import { tarBytes } from '../../evaluator/intake/tarBytes.ts';

const name = fc.stringMatching(/^[a-z][a-z.]{0,20}$/);

test('members are unpacked unchanged, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.uint8Array({ maxLength: 2000 }))), (pairs) => {
      const members = new Map(pairs);
      const unpacked = [...unpackTar(packTar(members))].map(([path, bytes]) => [path, [...bytes]]);
      expect(unpacked).toEqual([...members].map(([path, bytes]) => [path, [...bytes]]));
    }),
  );
});

test('the same members give the same bytes, without owner or time', () => {
  const members = new Map([['a', Buffer.from('text')]]);
  const archive = Buffer.from(packTar(members));
  expect(packTar(members)).toEqual(archive);
  const { mtime, uid, gid, uname, gname } = new Header(archive);
  expect({ mtime, uid, gid, uname, gname }).toEqual({ mtime: new Date(0), uname: '', gname: '' });
});

test('rejects anything but regular files with unique names', () => {
  const good = { path: 'a', data: 'text' };
  expect([...unpackTar(tarBytes(good)).keys()]).toEqual(['a']);
  const damaged = tarBytes(good);
  damaged[100]! ^= 1; // the mode
  for (const bad of [
    damaged,
    tarBytes(good, good),
    tarBytes({ path: 'a', type: 'SymbolicLink', linkpath: 'b' }),
    tarBytes({ path: 'a/', type: 'Directory' }),
    tarBytes({ path: 'a', pax: { path: 'b' } }),
    tarBytes({ path: 'a', data: 'text', size: 9999 }),
    tarBytes(good).subarray(0, 1024),
    Buffer.concat([tarBytes(good), Buffer.from('more')]),
    Buffer.from('a letter'),
    Buffer.alloc(512, 1),
    Buffer.alloc(0),
  ]) {
    expect(() => unpackTar(bad)).toThrow();
  }
});
