import type { Compressors } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/**
 * Decompressors by the name of their codec. Pages without content, such as the dictionary of a column without values,
 * are not decompressed: LZ4 writes a single zero byte for them, which the library takes for damage.
 */
export const codecs: Compressors = Object.fromEntries(
  Object.entries(compressors).map(([name, decompress]) => [
    name,
    (input: Uint8Array, outputLength: number) =>
      outputLength === 0 ? new Uint8Array(0) : decompress!(input, outputLength),
  ]),
);
