import { expect, test } from '@jest/globals';
import { codecs } from '../../../../datasets/sources/parquet/codecs.ts';

test.each(['LZ4', 'LZ4_RAW'] as const)('an empty page of %s is read, as writers store it', async (codec) => {
  expect(await codecs[codec]!(Uint8Array.of(0), 0)).toHaveLength(0);
});

test('a page with content is decompressed', async () => {
  const literal = Uint8Array.of(0x30, 7, 8, 9);
  expect(await codecs.LZ4_RAW!(literal, 3)).toEqual(Uint8Array.of(7, 8, 9));
});
