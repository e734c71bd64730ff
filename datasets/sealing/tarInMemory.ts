import { Header } from 'tar';

/** Block size of a tar archive; two empty blocks end it. */
const BLOCK = 512;

/**
 * Packs regular files into a tar archive in memory, because they may be secret. It has no owners and fixed times, so
 * the same members give the same bytes.
 */
export function packTar(members: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const [path, bytes] of members) {
    const header = Buffer.alloc(BLOCK);
    new Header({ path, type: 'File', mode: 0o644, size: bytes.length, mtime: new Date(0) }).encode(header);
    blocks.push(header, bytes, Buffer.alloc(-bytes.length & (BLOCK - 1)));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

/**
 * Returns the members of a tar archive by name, as views of `archive`. Accepts only what {@link packTar} writes:
 * regular files with distinct names.
 *
 * @throws Error otherwise
 */
export function unpackTar(archive: Uint8Array): Map<string, Uint8Array> {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.length);
  const members = new Map<string, Uint8Array>();
  let offset = 0;
  for (;;) {
    const header = new Header(bytes, offset);
    if (header.nullBlock) break;
    const { path, size, type } = header;
    if (!header.cksumValid || type !== 'File' || !path || size === undefined || members.has(path)) {
      throw new Error(`byte ${offset} does not start a regular file with a new name`);
    }
    const start = offset + BLOCK;
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
    members.set(path, archive.subarray(start, start + size));
  }
  if (bytes.subarray(offset).some((byte) => byte !== 0)) throw new Error(`data after the end of the archive`);
  return members;
}
