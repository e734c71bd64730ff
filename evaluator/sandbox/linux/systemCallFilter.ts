// The tables of systemCalls.ts as a classic BPF program, in the form that seccomp(2) takes.
import {
  type CallNumbers,
  cloneNumbers,
  firstUnknown,
  ignoredCalls,
  missingCalls,
  namespaceFlags,
  refusedCalls,
  watchedCalls,
} from './systemCalls.ts';

const machines = { x64: { column: 0, audit: 0xc000003e }, arm64: { column: 1, audit: 0xc00000b7 } } as const;

const load = 0x20; // BPF_LD | BPF_W | BPF_ABS
const ifEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const ifAtLeast = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const ifAnySet = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const answer = 0x06; // BPF_RET | BPF_K
const allow = 0x7fff0000;
const killProcess = 0x80000000;
const fail = (errno: number) => 0x00050000 | errno;
const notPermitted = fail(1);
const notImplemented = fail(38);
/** Offsets in struct seccomp_data. The low half of an argument, on these machines, comes first. */
const offset = { call: 0, machine: 4, argument: (index: number) => 16 + 8 * index } as const;

interface Instruction {
  readonly code: number;
  readonly k: number;
  /** Instructions to skip where the test holds, and where not. */
  readonly skip?: readonly [number, number];
}

/**
 * The filter for a machine, as `bwrap --seccomp` reads it: an array of struct sock_filter.
 * @param arch as `process.arch` names it; null is returned where there is no table for it
 */
export function systemCallFilter(arch: string = process.arch): Buffer | null {
  if (!(arch in machines)) return null;
  const { column, audit } = machines[arch as keyof typeof machines];
  const answered = (calls: Readonly<Record<string, CallNumbers>>, k: number) =>
    Object.values(calls)
      .flatMap((numbers) => numbers[column] ?? [])
      .flatMap((call) => when({ code: ifEqual, k: call }, [{ code: answer, k }]));
  const program: Instruction[] = [
    { code: load, k: offset.machine },
    // Another architecture has other numbers: 32-bit programs are not run.
    ...unless({ code: ifEqual, k: audit }, [{ code: answer, k: killProcess }]),
    { code: load, k: offset.call },
    // Newer calls, and the x32 numbers of x86-64.
    ...when({ code: ifAtLeast, k: firstUnknown }, [{ code: answer, k: notImplemented }]),
    ...answered(refusedCalls, notPermitted),
    ...answered(missingCalls, notImplemented),
    ...answered(ignoredCalls, fail(0)),
    ...when({ code: ifEqual, k: cloneNumbers[column] }, [
      { code: load, k: offset.argument(0) },
      ...when({ code: ifAnySet, k: namespaceFlags }, [{ code: answer, k: notPermitted }]),
      { code: answer, k: allow },
    ]),
    ...Object.values(watchedCalls).flatMap(({ numbers, argument, allowed, errno }) =>
      when({ code: ifEqual, k: numbers[column] }, [
        { code: load, k: offset.argument(argument) },
        ...allowed.flatMap((value) => when({ code: ifEqual, k: value }, [{ code: answer, k: allow }])),
        { code: answer, k: fail(errno) },
      ]),
    ),
    { code: answer, k: allow },
  ];
  return Buffer.concat(program.map(encode));
}

function when(test: Instruction, then: readonly Instruction[]): Instruction[] {
  return [{ ...test, skip: [0, then.length] }, ...then];
}

function unless(test: Instruction, then: readonly Instruction[]): Instruction[] {
  return [{ ...test, skip: [then.length, 0] }, ...then];
}

function encode({ code, k, skip = [0, 0] }: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(skip[0], 2);
  bytes.writeUInt8(skip[1], 3);
  bytes.writeUInt32LE(k >>> 0, 4);
  return bytes;
}
