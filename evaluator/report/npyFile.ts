import { readFile } from 'node:fs/promises';
import { parse } from 'npyjs';

async function read(file: string, dtype: string, shape: readonly number[]): Promise<ArrayBufferView> {
  const buffer = await readFile(file);
  const a = parse(
    buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) as ArrayBuffer,
  );
  if (a.dtype !== dtype || a.shape.join() !== shape.join()) {
    throw new Error(`${file} is ${a.dtype} [${a.shape}], not ${dtype} [${shape}]`);
  }
  return a.data;
}
export async function readUint8(file: string, shape: readonly number[]): Promise<Uint8Array> {
  return (await read(file, 'u1', shape)) as Uint8Array;
}
export async function readFloat32(file: string, shape: readonly number[]): Promise<Float32Array> {
  return (await read(file, 'f4', shape)) as Float32Array;
}
