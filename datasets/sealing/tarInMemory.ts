import { Header } from 'tar';

/** Headers and bodies of a tar archive fill whole blocks of so many bytes; two empty ones end it. */
const BLOCK = 512;

/**
 * A tar archive of regular files, made without touching the disk: what goes in may be secret. Owners are left out and
 * all times are the same, so that the same members give the same bytes.
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
 * The members of a tar archive, by name; views of `archive`. Takes regular files under plain names, each once, as
 * {@link packTar} writes them, and nothing else.
 *
 * @throws Error when the archive is anything else
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
      throw new Error(`no regular file of a new name at byte ${offset}`);
    }
    const start = offset + BLOCK;
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
    members.set(path, archive.subarray(start, start + size));
  }
  if (bytes.subarray(offset).some((byte) => byte !== 0)) throw new Error(`something follows its end`);
  return members;
}
