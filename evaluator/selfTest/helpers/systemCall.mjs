// Makes an arbitrary system call, which Node cannot do, by a program of a few instructions.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Held } from './probe.mjs';

const base = 0x400000n;
const headerBytes = 120;
/** Address of writable memory of the program, as an argument of the call. */
export const room = 0x400800;
const memoryBytes = 0x2000n;

/** Code of `exit(-call(...))` per machine; the numbers of the call and of exit differ too. */
const machines = {
  x64: { machine: 62, column: 0, code: codeForX64 },
  arm64: { machine: 183, column: 1, code: codeForArm64 },
};
/** Largest error number. A larger exit status is a file descriptor, counted down from 256. */
const lastError = 133;

/**
 * Makes a call and returns its error number; 0 or less if it succeeded.
 * @param numbers of the call, [x86-64, arm64]
 * @param words up to six 32-bit arguments
 * @param stdin open file that is descriptor 0 for the call
 * @throws Held if this machine's instruction set is not supported
 */
export function systemCall(numbers, words, stdin = 'ignore') {
  const known = machines[process.arch];
  if (known === undefined) throw new Held(`no program for ${process.arch}`);
  const path = join(process.env.HAET_WORK_DIR, 'system-call');
  writeFileSync(path, elf(known.machine, known.code(numbers[known.column], words)), { mode: 0o755 });
  const { status, error, signal } = spawnSync(path, { stdio: [stdin, 'ignore', 'ignore'] });
  rmSync(path);
  if (error) throw error;
  if (signal !== null) throw new Held(signal);
  return status > lastError ? status - 256 : status;
}

function codeForX64(call, words) {
  const set = [0xbf, 0xbe, 0xba]; // mov edi, esi, edx
  const setFurther = [0xba, 0xb8, 0xb9]; // mov r10d, r8d, r9d, after a prefix
  return Buffer.concat([
    ...words.map((word, index) =>
      index < 3 ? withWord([set[index]], word) : withWord([0x41, setFurther[index - 3]], word),
    ),
    withWord([0xb8], call), // mov eax
    Buffer.from([0x0f, 0x05, 0xf7, 0xd8, 0x89, 0xc7]), // syscall; neg eax; mov edi, eax
    withWord([0xb8], 60),
    Buffer.from([0x0f, 0x05]),
  ]);
}

function codeForArm64(call, words) {
  const set = (register, word) => [
    0xd2800000 | ((word & 0xffff) << 5) | register, // movz
    0xf2a00000 | ((word >>> 16) << 5) | register, // movk, shifted by 16
  ];
  const instructions = [
    ...words.flatMap((word, index) => set(index, word)),
    ...set(8, call),
    0xd4000001, // svc 0
    0xcb0003e0, // neg x0, x0
    ...set(8, 93),
    0xd4000001,
  ];
  return Buffer.concat(instructions.map((each) => withWord([], each)));
}

function withWord(bytes, word) {
  const encoded = Buffer.alloc(4);
  encoded.writeUInt32LE(word >>> 0);
  return Buffer.concat([Buffer.from(bytes), encoded]);
}

/** Builds a program with one segment that is readable, writable and executable (elf(5)). */
function elf(machine, code) {
  const file = Buffer.alloc(headerBytes);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(base + BigInt(headerBytes), 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(7, 68);
  file.writeBigUInt64LE(base, 80);
  file.writeBigUInt64LE(base, 88);
  file.writeBigUInt64LE(BigInt(headerBytes + code.length), 96);
  file.writeBigUInt64LE(memoryBytes, 104);
  file.writeBigUInt64LE(4096n, 112);
  return Buffer.concat([file, code]);
}
