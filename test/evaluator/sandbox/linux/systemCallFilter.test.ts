import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { allowedCalls, dockerProfile } from '../../../../evaluator/sandbox/docker/profile.ts';
import { systemCallFilter } from '../../../../evaluator/sandbox/linux/systemCallFilter.ts';
import {
  type CallNumbers,
  cloneNumbers,
  firstUnknown,
  ignoredCalls,
  missingCalls,
  refusedCalls,
  watchedCalls,
} from '../../../../evaluator/sandbox/linux/systemCalls.ts';

const audit = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
type Arch = keyof typeof audit;
const architectures = Object.keys(audit) as Arch[];
const column = { x64: 0, arm64: 1 } as const;

const allow = 0x7fff0000;
const killProcess = 0x80000000;
const fail = (errno: number) => 0x00050000 | errno;

/** Returns the kernel's answer: interprets the classic BPF instructions that filters of system calls consist of. */
function answer(filter: Buffer, call: number, machine: number, words: readonly bigint[] = []): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call, 0);
  data.writeUInt32LE(machine, 4);
  words.forEach((word, index) => {
    data.writeBigUInt64LE(word, 16 + 8 * index);
  });
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

const numbersIn = (calls: Readonly<Record<string, CallNumbers>>, arch: Arch) =>
  Object.values(calls).flatMap((numbers) => numbers[column[arch]] ?? []);
/** Returns the words of a call whose arguments are all zero except one. */
const only = (index: number, value: number | bigint) => [...Array<bigint>(index).fill(0n), BigInt(value)];

describe.each(architectures)('the filter of system calls for %s', (arch) => {
  const filter = systemCallFilter(arch)!;
  const ask = (call: number, words: readonly bigint[] = []) => answer(filter, call, audit[arch], words);
  const watched = Object.values(watchedCalls).map(({ numbers }) => numbers[column[arch]]);

  test('answers listed calls by the table, newer calls with ENOSYS, and allows the rest', () => {
    const answers = new Map<number, number>([
      ...numbersIn(refusedCalls, arch).map((call) => [call, fail(1)] as const),
      ...numbersIn(missingCalls, arch).map((call) => [call, fail(38)] as const),
      ...numbersIn(ignoredCalls, arch).map((call) => [call, fail(0)] as const),
    ]);
    for (let call = 0; call < 1000; call++) {
      if (watched.includes(call)) continue;
      const expected = answers.get(call) ?? (call < firstUnknown ? allow : fail(38));
      expect({ call, answer: ask(call) }).toEqual({ call, answer: expected });
    }
  });

  test.each(Object.entries(watchedCalls))(
    'allows %s with the listed values only',
    (_, { numbers, argument, allowed, errno }) => {
      const call = numbers[column[arch]];
      for (let value = 0; value < 200; value++) {
        expect(ask(call, only(argument, value))).toBe(allowed.includes(value) ? allow : fail(errno));
      }
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (word) => {
          const low = Number(word & 0xffffffffn); // the part the kernel uses
          expect(ask(call, only(argument, word))).toBe(allowed.includes(low) ? allow : fail(errno));
        }),
      );
    },
  );

  test('kills programs of another architecture', () => {
    for (const other of [0x40000003, audit[arch === 'x64' ? 'arm64' : 'x64'], 0]) {
      expect(answer(filter, 1, other)).toBe(killProcess);
    }
  });

  test('allows threads and children, and no namespace', () => {
    const clone = cloneNumbers[column[arch]];
    const ofAThread = 0x3d0f00; // flags that the C library uses for threads
    expect(ask(clone, only(0, ofAThread))).toBe(allow);
    expect(ask(clone, only(0, 17))).toBe(allow); // only SIGCHLD: fork
    for (const flag of [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(ask(clone, only(0, 17 | flag))).toBe(fail(1));
    }
  });

  test('rejects the x32 numbers', () => {
    expect(ask(0x40000000 + 1)).toBe(fail(38));
  });
});

test('a machine without a table has neither filter nor profile', () => {
  expect(systemCallFilter('riscv64')).toBeNull();
  expect(dockerProfile('riscv64')).toBeNull();
});

/**
 * Rejected by Docker's own profile: https://docs.docker.com/engine/security/seccomp/, without the calls of old kernels
 * only.
 */
const refusedByDocker = `
  acct add_key bpf clock_adjtime clock_settime create_module delete_module finit_module get_kernel_syms get_mempolicy
  init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount move_pages nfsservctl
  open_by_handle_at perf_event_open pivot_root query_module quotactl reboot request_key set_mempolicy setns settimeofday
  swapon swapoff sysfs _sysctl umount2 unshare uselib userfaultfd ustat
`;

test("the profile for Docker rejects the calls of Docker's own and of the filter, and no call is in two tables", () => {
  const tables = [allowedCalls, ...[refusedCalls, missingCalls, ignoredCalls, watchedCalls].map(Object.keys)];
  const all = tables.flat();
  expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
  for (const name of refusedByDocker.trim().split(/\s+/)) {
    expect({ name, allowed: allowedCalls.includes(name), refused: name in refusedCalls }).toEqual({
      name,
      allowed: false,
      refused: true,
    });
  }
  const rules = dockerProfile('x64')!.syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW');
  const unconditional = rules.filter(({ args }) => args === undefined).flatMap(({ names }) => names);
  expect(unconditional).toEqual(allowedCalls);
});

/** Returns the kernel's own tables of numbers, which are part of the C library's package. */
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
    const watched = Object.entries(watchedCalls).map(([name, { numbers }]) => [name, numbers] as const);
    const listed = Object.entries({ ...refusedCalls, ...missingCalls, ...ignoredCalls, clone: cloneNumbers });
    for (const [name, pair] of [...listed, ...watched]) {
      const number = pair[column[arch]];
      // Headers of an older kernel lack the newest calls, which have one number on every machine.
      const isNew = number !== null && number >= 424;
      expect({ [name]: number }).toEqual({ [name]: known(name) ?? (isNew ? number : null) });
    }
    const names = [...text.matchAll(/^#define __NR(?:3264)?_(\w+)\s+\d+$/gm)].map(([, name]) => name!);
    const ofOther = /_time64$|64$|^fstatat$|^syscalls$|^arch_specific_syscall$|_old$/; // of 32-bit machines
    const known64 = [...allowedCalls, ...listed.map(([name]) => name), ...Object.keys(watchedCalls)];
    expect(names.filter((name) => !known64.includes(name) && !ofOther.test(name))).toEqual([]);
  });
}
