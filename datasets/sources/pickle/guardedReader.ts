import { BufferReader } from 'pickleparser';
import { PickleFault } from './ndArray.ts';

/**
 * Steps of a pickle. A batch of CIFAR-10 has 10,000 labels and as many file names, and takes fewer than 100,000. Each
 * step can create an object, so the limit bounds the memory.
 */
const MOST_STEPS = 500_000;
/** Bytes of an integer; larger ones take quadratic time to read. */
const MOST_INTEGER_BYTES = 8;

/**
 * Reads the bytes of a pickle for the parser and rejects what would make it run for ever or use up the memory:
 * negative lengths, huge integers and too many steps. Text of Python 2 is decoded as Latin-1, one character per byte.
 */
export class GuardedReader extends BufferReader {
  #steps = 0;
  #afterLength = -1;

  override byte(): number {
    this.#steps += 1;
    if (this.#steps > MOST_STEPS) throw new PickleFault(`more than ${MOST_STEPS} steps`);
    return super.byte();
  }

  override skip(offset: number): void {
    if (offset < 0) throw new PickleFault(`a length of ${offset}`);
    super.skip(offset);
  }

  override uint32(): number {
    const value = super.uint32();
    this.#afterLength = this.position;
    return value;
  }

  override uint64(): number {
    const [low, high] = [super.uint32(), super.uint32()];
    const value = low + 2 ** 32 * high;
    if (!Number.isSafeInteger(value)) throw new PickleFault(`a length of ${value}`);
    return value;
  }

  override bytes(length: number) {
    // Only long integers have their bytes directly after a 32-bit unsigned length.
    if (this.#afterLength === this.position && length > MOST_INTEGER_BYTES) {
      throw new PickleFault(`an integer of ${length} bytes`);
    }
    return super.bytes(length);
  }

  override string(size: number, encoding: 'ascii' | 'utf-8'): string {
    this.#afterLength = -1;
    const bytes = super.bytes(size);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return buffer.toString(encoding === 'ascii' ? 'latin1' : 'utf8');
  }
}
