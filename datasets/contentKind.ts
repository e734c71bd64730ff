/** How content is recognised: by its first bytes, in hexadecimal. */
const signatures: readonly (readonly [string, string])[] = [
  ['504b0304', 'a ZIP (an .npz or a torch file)'],
  ['504b0506', 'an empty ZIP'],
  ['504b0708', 'a part of a split ZIP'],
  ['504b3030', 'a part of a split ZIP'],
  ['1f8b', 'compressed by gzip'],
  ['425a68', 'compressed by bzip2'],
  ['fd377a585a00', 'compressed by xz'],
  ['28b52ffd', 'compressed by zstd'],
  ['377abcaf271c', 'a 7z archive'],
  ['526172211a07', 'a RAR archive'],
  ['4c5a4950', 'compressed by lzip'],
  ['04224d18', 'compressed by LZ4'],
  ['1f9d', 'compressed by compress'],
  ['4d534346', 'a CAB archive'],
  ['213c617263683e', 'a library or a Debian package'],
  ['4d5a', 'a program for Windows, perhaps a self-extracting archive'],
  ['7f454c46', 'a program for Linux, perhaps a self-extracting archive'],
  ['25504446', 'a PDF document'],
  ['934e554d5059', 'a .npy file'],
  ['894844460d0a1a0a', 'an HDF5 file'],
  ['50415231', 'a Parquet file'],
  ['4152524f5731', 'an Arrow file'],
  ['89504e470d0a1a0a', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['00000801', 'an IDX file of labels'],
  ['00000803', 'an IDX file of images'],
  ['8002', 'a Python pickle'],
  ['8003', 'a Python pickle'],
  ['8004', 'a Python pickle'],
  ['8005', 'a Python pickle'],
];

/**
 * Names what a file is by its content, to follow "this is": "a ZIP (an .npz or a torch file)". The answer is one of a
 * fixed list, so that an untrusted file cannot choose it.
 * @param start the first bytes of the file, 512 are enough
 * @returns null if the content is not recognised
 */
export function contentKind(start: Uint8Array): string | null {
  if (start.length === 0) return 'an empty file';
  const bytes = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, 512));
  const hex = bytes.toString('hex', 0, 16);
  const found = signatures.find(([signature]) => hex.startsWith(signature));
  if (found !== undefined) return found[1];
  if (bytes.toString('latin1', 257, 262) === 'ustar') return 'a tar archive';
  const text = bytes.toString('latin1');
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text)) return 'a web page, as a failed download leaves';
  if (text.startsWith('version https://git-lfs'))
    return 'a Git LFS pointer; fetch the file with `git lfs pull`';
  return /^[\t\n\r\x20-\x7e]+$/.test(text) ? 'a text file' : null;
}
