import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refusedCalls, systemCallFilter, watchedCalls } from '../../../evaluator/sandbox/systemCallFilter.ts';

const audit = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
type Arch = keyof typeof audit;
const architectures = Object.keys(audit) as Arch[];
const column = { x64: 0, arm64: 1 } as const;

const allow = 0x7fff0000;
const killProcess = 0x80000000;
const fail = (errno: number) => 0x00050000 | errno;

/** What the kernel would answer: the instructions of classic BPF that filters of system calls are made of. */
function answer(filter: Buffer, call: number, machine: number, argument0 = 0): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call, 0);
  data.writeUInt32LE(machine, 4);
  data.writeUInt32LE(argument0 >>> 0, 16);
  let loaded = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const [code, k] = [filter.readUInt16LE(at), filter.readUInt32LE(at + 4)];
    const jump = (holds: boolean) => {
      at += 8 * filter.readUInt8(at + (holds ? 2 : 3));
    };
    if (code === 0x20) loaded = data.readUInt32LE(k);
    else if (code === 0x15) jump(loaded === k);
    else if (code === 0x35) jump(loaded >= k);
    else if (code === 0x45) jump((loaded & k) !== 0);
    else if (code === 0x06) return k;
    else throw new Error(`instruction ${code} at ${at}`);
  }
  throw new Error('the program ends without an answer');
}

const numbers = (arch: Arch) => Object.values(refusedCalls).flatMap((pair) => pair[column[arch]] ?? []);

describe.each(architectures)('the filter of system calls for %s', (arch) => {
  const filter = systemCallFilter(arch)!;
  const ask = (call: number, argument0 = 0) => answer(filter, call, audit[arch], argument0);
  const special: number[] = Object.values(watchedCalls).map((pair) => pair[column[arch]]);

  test('refuses what is listed, and nothing else of its own numbers', () => {
    const refused = numbers(arch);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600 }), (call) => {
        fc.pre(!special.includes(call));
        expect(ask(call)).toBe(refused.includes(call) ? fail(1) : allow);
      }),
      { numRuns: 1000 },
    );
    for (const call of refused) expect(ask(call)).toBe(fail(1));
  });

  test('ends programs of another architecture', () => {
    for (const other of [0x40000003, audit[arch === 'x64' ? 'arm64' : 'x64'], 0]) {
      expect(answer(filter, 1, other)).toBe(killProcess);
    }
  });

  test('lets threads and children be made, and no namespace', () => {
    const [clone, clone3] = special as [number, number];
    const ofAThread = 0x3d0f00; // as the C library makes threads
    expect(ask(clone, ofAThread)).toBe(allow);
    expect(ask(clone, 17)).toBe(allow); // SIGCHLD alone: fork
    for (const flag of [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(ask(clone, 17 | flag)).toBe(fail(1));
    }
    expect(ask(clone3)).toBe(fail(38));
  });

  test('lets sockets of the fenced families be made, and no others', () => {
    const socket = special[2]!;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 }), (family) => {
        expect(ask(socket, family)).toBe([1, 2, 10, 16].includes(family) ? allow : fail(97));
      }),
    );
  });

  test('refuses the x32 numbers', () => {
    expect(ask(0x40000000 + 1)).toBe(fail(38));
  });
});

test('a machine without a table has no filter', () => {
  expect(systemCallFilter('riscv64')).toBeNull();
});

/** The kernel's own tables of numbers, as the C library's package brings them. */
const headers: Record<Arch, string[]> = {
  x64: ['/usr/include/x86_64-linux-gnu/asm/unistd_64.h', '/usr/include/asm/unistd_64.h'],
  arm64: ['/usr/include/asm-generic/unistd.h'],
};
for (const arch of architectures) {
  const header = headers[arch].find(existsSync);
  const withHeader = header === undefined ? test.skip : test;
  withHeader(`the numbers for ${arch} are those of ${header ?? 'linux-libc-dev (not here)'}`, () => {
    const text = readFileSync(header!, 'utf8');
    const known = (name: string) => {
      const line = new RegExp(`^#define __NR(?:3264)?_(?:${name})\\s+(\\d+)$`, 'm').exec(text);
      return line === null ? null : Number(line[1]);
    };
    for (const [name, pair] of Object.entries({ ...refusedCalls, ...watchedCalls })) {
      const number = pair[column[arch]];
      // Headers of an older kernel end before the newest calls, which have one number on every machine.
      const isNew = number !== null && number >= 424;
      expect({ [name]: number }).toEqual({ [name]: known(name) ?? (isNew ? number : null) });
    }
  });
}
