// Theory of operation
//
// A namespace leaves the whole kernel within reach of an entry: calls that no training needs and that attacks on kernels
// are made of. This filter, a classic BPF program in the form that seccomp(2) takes, refuses them. It lists what is
// refused, not what is allowed, so that a runtime of tomorrow with a new harmless call still works.
//
// Sockets are of the families that an empty network namespace fences; AF_VSOCK, to name one, would reach the host of a
// virtual machine past it. clone3(2) hides its flags behind a pointer: it is answered as an old kernel would, and
// the C library falls back to clone(2), whose flags can be looked at.

/** Numbers of the calls that are refused: [x86-64, arm64], of asm/unistd_64.h and asm-generic/unistd.h; null: none. */
export const refusedCalls: Readonly<Record<string, readonly [number | null, number | null]>> = {
  // Other namespaces and file systems than the stage was given.
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  move_mount: [429, 429],
  open_tree: [428, 428],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  open_by_handle_at: [304, 265],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  swapon: [167, 224],
  swapoff: [168, 225],
  // Programs, pages and requests that the kernel works on by itself, around this filter or against it.
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  // The kernel itself.
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  syslog: [103, 116],
  acct: [163, 89],
  iopl: [172, null],
  ioperm: [173, null],
  // Keys are not of any namespace.
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  // The machine's clock.
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
};

/** Numbers of the calls that are looked into: [x86-64, arm64]. */
export const watchedCalls = { clone: [56, 220], clone3: [435, 435], socket: [41, 198] } as const;

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK of socket(2). */
const socketFamilies = [1, 2, 10, 16];
/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of clone(2). */
const namespaceFlags = 0x7e020080;

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
const noSuchFamily = fail(97);
/** Offsets in struct seccomp_data. The low half of an argument, on these machines, comes first. */
const offset = { call: 0, machine: 4, argument0: 16 } as const;

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
  const refused = Object.values(refusedCalls).flatMap((numbers) => numbers[column] ?? []);
  const program: Instruction[] = [
    { code: load, k: offset.machine },
    // Another architecture has other numbers: 32-bit programs are not run.
    ...unless({ code: ifEqual, k: audit }, [{ code: answer, k: killProcess }]),
    { code: load, k: offset.call },
    // The x32 numbers of x86-64.
    ...when({ code: ifAtLeast, k: 0x40000000 }, [{ code: answer, k: notImplemented }]),
    ...refused.flatMap((call) => when({ code: ifEqual, k: call }, [{ code: answer, k: notPermitted }])),
    ...when({ code: ifEqual, k: watchedCalls.clone3[column] }, [{ code: answer, k: notImplemented }]),
    ...when({ code: ifEqual, k: watchedCalls.clone[column] }, [
      { code: load, k: offset.argument0 },
      ...when({ code: ifAnySet, k: namespaceFlags }, [{ code: answer, k: notPermitted }]),
      { code: answer, k: allow },
    ]),
    ...when({ code: ifEqual, k: watchedCalls.socket[column] }, [
      { code: load, k: offset.argument0 },
      ...socketFamilies.flatMap((family) => when({ code: ifEqual, k: family }, [{ code: answer, k: allow }])),
      { code: answer, k: noSuchFamily },
    ]),
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
