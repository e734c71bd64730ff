// Theory of operation
//
// A namespace leaves the whole kernel within reach of an entry: calls that no training needs and that attacks on kernels
// are made of. The tables below say which are refused, and how. From them come the filter of bubblewrap
// (systemCallFilter.ts) and Docker's profile (docker/profile.ts).
//
// Calls that are newer than the tables are answered as an older kernel would, so that a new way in is not open until
// somebody notices; a runtime that uses one falls back to what it did before.
//
// Sockets are of the families that an empty network namespace fences; AF_VSOCK, to name one, would reach the host of a
// virtual machine past it. clone3(2) hides its flags behind a pointer: it is answered as an old kernel would, and
// the C library falls back to clone(2), whose flags can be looked at.
//
// Calls that say at once which pages of a file are in memory, or that put single pages out of it, are refused: they
// make a message in the page cache cheap (pageCache.ts). What tells it by time or by counters cannot be refused.

/** Numbers of a call: [x86-64, arm64], of asm/unistd_64.h and asm-generic/unistd.h; null: none. */
export type CallNumbers = readonly [number | null, number | null];

/** Calls that are not permitted (EPERM). */
export const refusedCalls: Readonly<Record<string, CallNumbers>> = {
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
  // The machine's names, terminals, files as a whole and memory banks.
  sethostname: [170, 161],
  setdomainname: [171, 162],
  vhangup: [153, 58],
  fanotify_init: [300, 262],
  get_mempolicy: [239, 236],
  set_mempolicy: [238, 237],
  set_mempolicy_home_node: [450, 450],
  mbind: [237, 235],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  // Into another process.
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  // Of old kernels.
  lookup_dcookie: [212, 18],
  nfsservctl: [180, 42],
  sysfs: [139, null],
  _sysctl: [156, null],
  ustat: [136, null],
  uselib: [134, null],
  create_module: [174, null],
  get_kernel_syms: [177, null],
  query_module: [178, null],
  getpmsg: [181, null],
  putpmsg: [182, null],
  afs_syscall: [183, null],
  tuxcall: [184, null],
  security: [185, null],
  vserver: [236, null],
};

/** Calls that are answered as a kernel without them would (ENOSYS). */
export const missingCalls: Readonly<Record<string, CallNumbers>> = {
  // What of a file is in memory, and bringing it there unread.
  mincore: [27, 232],
  cachestat: [451, 451],
  readahead: [187, 213],
  // Requests for reading have the flag RWF_NOWAIT in memory, where no filter can see it.
  io_setup: [206, 0],
  io_submit: [209, 2],
  process_madvise: [440, 440],
  // Its flags are in memory too.
  clone3: [435, 435],
};

/** Calls that succeed without doing anything: advice that honest programs give, and do not miss. */
export const ignoredCalls: Readonly<Record<string, CallNumbers>> = {
  fadvise64: [221, 223],
};

/** Calls that are filtered by one argument. It is an int: the kernel reads only the low half of its register. */
export interface WatchedCall {
  readonly numbers: readonly [number, number];
  readonly argument: number;
  readonly allowed: readonly number[];
  /** How any other value is answered. */
  readonly errno: number;
}

export const watchedCalls: Readonly<Record<string, WatchedCall>> = {
  /** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; else EAFNOSUPPORT. */
  socket: { numbers: [41, 198], argument: 0, allowed: [1, 2, 10, 16], errno: 97 },
  /** No flags: RWF_NOWAIT says what is in memory, RWF_DONTCACHE puts it out; else EOPNOTSUPP. */
  preadv2: { numbers: [327, 286], argument: 5, allowed: [0], errno: 95 },
  /** Every advice but MADV_COLD (20) and MADV_PAGEOUT (21), which put pages out; else EINVAL. */
  madvise: {
    numbers: [28, 233],
    argument: 2,
    allowed: [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 22, 23, 24, 25, 102, 103],
    errno: 22,
  },
  /** The usual ones of Linux and of 32-bit programs, with UNAME26, and the question which it is; else EPERM. */
  personality: { numbers: [135, 92], argument: 0, allowed: [0, 8, 0x20000, 0x20008, 0xffffffff], errno: 1 },
};

export const cloneNumbers = [56, 220] as const;
/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of clone(2). */
export const namespaceFlags = 0x7e020080;
/** The first number that no table knows; the same on all machines. */
export const firstUnknown = 457;
