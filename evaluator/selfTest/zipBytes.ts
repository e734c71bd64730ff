import { crc32, deflateRawSync } from 'node:zlib';

/** Fields of a member's header; one header is before its data, one in the directory at the end. */
interface ZipHeader {
  readonly path: string | Buffer;
  readonly method: number;
  readonly flags: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly extra: Buffer;
}

export interface ZipMember {
  readonly path: string | Buffer;
  readonly data?: string | Buffer;
  /** 0: stored, 8: deflate (default). The data of other methods is stored as it is. */
  readonly method?: number;
  /** Mode with the type of the file; 0: none. */
  readonly mode?: number;
  /** System that made it; 3: Unix (default), 0: MS-DOS and Windows. */
  readonly host?: number;
  readonly dosAttributes?: number;
  /** Bit 0: encrypted, bit 3: sizes follow the data, bit 11: the name is UTF-8 (default). */
  readonly flags?: number;
  /** What the two headers say instead of the truth. */
  readonly local?: Partial<ZipHeader>;
  readonly central?: Partial<ZipHeader>;
  /** Offset of the local header that the directory gives instead of the true one. */
  readonly offset?: number;
  /** Whether to leave out local header and data, so that only the directory lists it. */
  readonly listedOnly?: boolean;
}

export interface ZipEnd {
  readonly comment?: string;
  /** Number of members that the end gives instead of the true one. */
  readonly count?: number;
  readonly disk?: number;
  /** Offset of the directory that the end gives instead of the true one. */
  readonly directoryAt?: number;
  readonly prefix?: Buffer;
  /** Whether the end is given in 64 bits too. */
  readonly zip64?: boolean;
}

/** A zip archive as anybody could write one, sound or not. */
export function zipBytes(...members: readonly ZipMember[]): Buffer {
  return zipWith({}, ...members);
}

/** A zip archive with an end of its own. */
export function zipWith(end: ZipEnd, ...members: readonly ZipMember[]): Buffer {
  const body: Buffer[] = [end.prefix ?? Buffer.alloc(0)];
  let length = body[0]!.length;
  const directory: Buffer[] = [];
  for (const member of members) {
    const { header, packed } = pack(member);
    directory.push(centralBytes(member, { ...header, ...member.central }, member.offset ?? length));
    if (member.listedOnly) continue;
    const parts = [localBytes({ ...header, ...member.local }), packed, descriptorOf(header)];
    body.push(...parts);
    length += Buffer.concat(parts).length;
  }
  return Buffer.concat([...body, ...directory, endBytes(end, members.length, length, directory)]);
}

function pack({ path, data = '', method, flags = 0x800 }: ZipMember): { header: ZipHeader; packed: Buffer } {
  const plain = Buffer.from(data);
  const used = method ?? (plain.length === 0 ? 0 : 8);
  const packed = used === 8 ? deflateRawSync(plain) : plain;
  const sizes = { crc: crc32(plain), packedSize: packed.length, size: plain.length };
  return { header: { path, method: used, flags, extra: Buffer.alloc(0), ...sizes }, packed };
}

function localBytes({ path, method, flags, crc, packedSize, size, extra }: ZipHeader): Buffer {
  const name = Buffer.from(path);
  const bytes = Buffer.alloc(30);
  bytes.writeUInt32LE(0x04034b50, 0);
  bytes.writeUInt16LE(20, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt16LE(method, 8);
  const later = (flags & 8) !== 0;
  bytes.writeUInt32LE(later ? 0 : crc, 14);
  bytes.writeUInt32LE(later ? 0 : packedSize, 18);
  bytes.writeUInt32LE(later ? 0 : size, 22);
  bytes.writeUInt16LE(name.length, 26);
  bytes.writeUInt16LE(extra.length, 28);
  return Buffer.concat([bytes, name, extra]);
}

function descriptorOf({ flags, crc, packedSize, size }: ZipHeader): Buffer {
  if ((flags & 8) === 0) return Buffer.alloc(0);
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(0x08074b50, 0);
  bytes.writeUInt32LE(crc, 4);
  bytes.writeUInt32LE(packedSize, 8);
  bytes.writeUInt32LE(size, 12);
  return bytes;
}

function centralBytes(
  { mode = 0o100644, host = 3, dosAttributes = 0 }: ZipMember,
  { path, method, flags, crc, packedSize, size, extra }: ZipHeader,
  offset: number,
): Buffer {
  const name = Buffer.from(path);
  const bytes = Buffer.alloc(46);
  bytes.writeUInt32LE(0x02014b50, 0);
  bytes.writeUInt16LE((host << 8) | 20, 4);
  bytes.writeUInt16LE(20, 6);
  bytes.writeUInt16LE(flags, 8);
  bytes.writeUInt16LE(method, 10);
  bytes.writeUInt32LE(crc, 16);
  bytes.writeUInt32LE(packedSize, 20);
  bytes.writeUInt32LE(size, 24);
  bytes.writeUInt16LE(name.length, 28);
  bytes.writeUInt16LE(extra.length, 30);
  bytes.writeUInt32LE(((mode << 16) | dosAttributes) >>> 0, 38);
  bytes.writeUInt32LE(offset, 42);
  return Buffer.concat([bytes, name, extra]);
}

function endBytes(end: ZipEnd, members: number, length: number, directory: readonly Buffer[]): Buffer {
  const comment = Buffer.from(end.comment ?? '');
  const size = Buffer.concat(directory).length;
  const count = end.count ?? members;
  const at = end.directoryAt ?? length;
  const bytes = Buffer.alloc(22);
  bytes.writeUInt32LE(0x06054b50, 0);
  bytes.writeUInt16LE(end.disk ?? 0, 4);
  bytes.writeUInt16LE(end.zip64 ? 0xffff : count, 8);
  bytes.writeUInt16LE(end.zip64 ? 0xffff : count, 10);
  bytes.writeUInt32LE(end.zip64 ? 0xffffffff : size, 12);
  bytes.writeUInt32LE(end.zip64 ? 0xffffffff : at, 16);
  bytes.writeUInt16LE(comment.length, 20);
  return Buffer.concat([
    end.zip64 ? zip64Bytes(count, size, at, length + size) : Buffer.alloc(0),
    bytes,
    comment,
  ]);
}

function zip64Bytes(count: number, size: number, directoryAt: number, here: number): Buffer {
  const bytes = Buffer.alloc(76);
  bytes.writeUInt32LE(0x06064b50, 0);
  bytes.writeBigUInt64LE(44n, 4);
  bytes.writeBigUInt64LE(BigInt(count), 24);
  bytes.writeBigUInt64LE(BigInt(count), 32);
  bytes.writeBigUInt64LE(BigInt(size), 40);
  bytes.writeBigUInt64LE(BigInt(directoryAt), 48);
  bytes.writeUInt32LE(0x07064b50, 56);
  bytes.writeBigUInt64LE(BigInt(here), 64);
  bytes.writeUInt32LE(1, 72);
  return bytes;
}

/** Extra field of a header with sizes and offset in 64 bits; fields that are not 0xffffffff in the header must be left out. */
export function zip64Extra(...values: readonly (number | bigint)[]): Buffer {
  const bytes = Buffer.alloc(4 + 8 * values.length);
  bytes.writeUInt16LE(1, 0);
  bytes.writeUInt16LE(8 * values.length, 2);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  return bytes;
}
