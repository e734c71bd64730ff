// The profile of system calls for Docker (`--security-opt seccomp=FILE`), in the form of
// https://docs.docker.com/engine/security/seccomp/. It says the same as the filter of linux/systemCallFilter.ts, from
// the same tables (linux/systemCalls.ts), but lists what is allowed: a call that it does not list is answered as a
// kernel without it would. Docker's own profile differs by engine, allows the calls that make a message in the page
// cache cheap, and allows most socket families.
import {
  type CallNumbers,
  ignoredCalls,
  missingCalls,
  namespaceFlags,
  refusedCalls,
  watchedCalls,
} from '../linux/systemCalls.ts';

/**
 * The calls of x86-64 and arm64 that are allowed whatever their arguments: all of asm/unistd_64.h and
 * asm-generic/unistd.h but those of the tables. An engine passes over names that its machine has not.
 */
export const allowedCalls: readonly string[] = `
  accept accept4 access adjtimex alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres
  clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create
  epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit
  exit_group faccessat faccessat2 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat
  fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate
  futex futex_requeue futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu
  getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid
  getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt
  gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
  io_cancel io_destroy io_getevents io_pgetevents ioctl ioprio_get ioprio_set kill landlock_add_rule
  landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr
  lremovexattr lseek lsetxattr lstat map_shadow_stack membarrier memfd_create memfd_secret mkdir mkdirat
  mknod mknodat mlock mlock2 mlockall mmap modify_ldt mprotect mq_getsetattr mq_notify mq_open
  mq_timedreceive mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
  name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2
  pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv prlimit64 process_mrelease
  process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev pwritev2 read readlink readlinkat
  readv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall
  rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
  sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr
  sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop sendfile
  sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid
  setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt
  setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socketpair splice stat
  statfs statx symlink symlinkat sync sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time
  timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime
  timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice
  wait4 waitid write writev
`
  .trim()
  .split(/\s+/);

const architectures = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' } as const;
const notPermitted = 1;
const notImplemented = 38;

interface Rule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[];
}

/** A profile as `docker run` reads it. */
export interface DockerProfile {
  readonly defaultAction: 'SCMP_ACT_ERRNO';
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Rule[];
}

/**
 * The profile for a machine.
 * @param arch as `process.arch` names it; null is returned where there is no table for it
 */
export function dockerProfile(arch: string = process.arch): DockerProfile | null {
  if (!(arch in architectures)) return null;
  const fail = (calls: Readonly<Record<string, CallNumbers>>, errnoRet: number): Rule => ({
    names: Object.keys(calls),
    action: 'SCMP_ACT_ERRNO',
    errnoRet,
  });
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    // Engines that do not know this answer with EPERM.
    defaultErrnoRet: notImplemented,
    architectures: [architectures[arch as keyof typeof architectures]],
    syscalls: [
      { names: allowedCalls, action: 'SCMP_ACT_ALLOW' },
      fail(refusedCalls, notPermitted),
      fail(missingCalls, notImplemented),
      fail(ignoredCalls, 0),
      {
        names: ['clone'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      // The engine compares whole registers: where the half that the kernel does not take is not zero, it refuses.
      ...Object.entries(watchedCalls).flatMap(([name, { argument, allowed }]) =>
        allowed.map(
          (value): Rule => ({
            names: [name],
            action: 'SCMP_ACT_ALLOW',
            args: [{ index: argument, value, op: 'SCMP_CMP_EQ' }],
          }),
        ),
      ),
    ],
  };
}
