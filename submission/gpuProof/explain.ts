import type { Attempt } from './attempt.ts';
import type { Failure } from './verdict.ts';

/** A cause that a line of the log shows. */
interface Cause {
  readonly line: RegExp;
  readonly why: string;
  readonly remedy: string;
}

const updateDriver = 'update the NVIDIA driver';

/** Messages of the loader, CUDA, cuDNN and TensorFlow; the first that matches explains the failure. */
const causes: readonly Cause[] = [
  {
    line: /version [`'](GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found/,
    why: 'the GPU library needs a newer C or C++ library',
    remedy: 'use a newer Linux distribution',
  },
  {
    line: /\S+\.so[.\d]*: (cannot open shared object file|file too short|invalid ELF header)|undefined symbol|Cannot dlopen some GPU libraries/,
    why: 'a library that it needs is missing or has another version',
    remedy: 'unset LD_LIBRARY_PATH and LD_PRELOAD if they name another CUDA or TensorFlow',
  },
  {
    line: /SYSTEM_DRIVER_MISMATCH|Driver\/library version mismatch|does not match DSO version/,
    why: 'the running NVIDIA driver and its library have different versions, as after an update',
    remedy: 'restart the machine',
  },
  {
    line: /UNSUPPORTED_PTX_VERSION|unsupported toolchain|driver version is insufficient|INSUFFICIENT_DRIVER/,
    why: 'the NVIDIA driver is too old for CUDA 12.8',
    remedy: updateDriver,
  },
  {
    line: /OUT_OF_MEMORY|RESOURCE_EXHAUSTED|OOM when allocating|out of memory/,
    why: 'the memory of the GPU is used up',
    remedy: 'end the programs that use the GPU (nvidia-smi lists them)',
  },
  {
    line: /DEVICES?_UNAVAILABLE|busy or unavailable/,
    why: 'another program has the GPU to itself',
    remedy: 'end the programs that use the GPU (nvidia-smi lists them)',
  },
  {
    line: /no kernel image is available|NO_BINARY_FOR_GPU|INVALID_PTX|compute capability.*(not supported|too low|required)/i,
    why: 'TensorFlow has no code for this model of GPU',
    remedy: 'use another GPU, or a driver that compiles the code for it',
  },
  {
    line: /(CUDNN|CUBLAS|CUFFT|CUSOLVER)_STATUS_\w+|CuDNN library: .* but source was compiled|DNN library (initialization failed|is not found)|No DNN in stream executor|No algorithm worked/,
    why: 'a CUDA library fails on this GPU',
    remedy: `${updateDriver}, or unset LD_LIBRARY_PATH if it names another CUDA`,
  },
  {
    line: /NO_DEVICE|no CUDA-capable device|could not find cuda drivers|libcuda\.so|failed call to cuInit/i,
    why: 'TensorFlow finds no GPU',
    remedy:
      'check that nvidia-smi lists the GPU; in a container, start it with --gpus all; unset CUDA_VISIBLE_DEVICES',
  },
  {
    line: /CUDA_ERROR_\w+|illegal memory access|fallen off the bus|ECC error/,
    why: 'the GPU reported an error',
    remedy: 'restart the machine if nvidia-smi shows an error too',
  },
];

const noGpu = causes.find(({ line }) => line.test('NO_DEVICE'))!;

/** Returns why an attempt did not compute all blocks on its device; null if it did. */
export function explainAttempt(seen: Attempt, wanted: 'cpu' | 'gpu'): Failure | null {
  if (seen.exceededSeconds !== null) return explainHang(seen, wanted);
  const found = findCause(seen.log);
  if (seen.device !== null && seen.device !== wanted) {
    return found === null ? noGpu : { why: `${found.why} (${found.line})`, remedy: found.remedy };
  }
  if (seen.isDone) return null;
  const place = placeOf(seen, wanted);
  if (found !== null) {
    return { why: `${found.why} (${place}: ${found.line})`, remedy: found.remedy };
  }
  const line = lastErrorLine(seen.log);
  return {
    why: `${place} failed (${line === null ? seen.ending : `${seen.ending}: ${line}`})`,
    remedy: `${updateDriver}, and report this line if that does not help`,
  };
}

function explainHang(seen: Attempt, wanted: 'cpu' | 'gpu'): Failure {
  const why = `${placeOf(seen, wanted)} did not end within ${seen.exceededSeconds} s`;
  // The driver keeps what it compiled.
  return /compiled from PTX/.test(seen.log)
    ? { why: `${why}, while the driver compiled code for this model of GPU`, remedy: 'try again' }
    : { why, remedy: `${updateDriver} or restart the machine` };
}

function placeOf({ device, block }: Attempt, wanted: 'cpu' | 'gpu'): string {
  if (device === null) return 'loading TensorFlow';
  if (block === null) return 'starting TensorFlow';
  return `computing ${block} on the ${wanted.toUpperCase()}`;
}

function findCause(log: string): { why: string; remedy: string; line: string } | null {
  const lines = log.split('\n');
  for (const { line, why, remedy } of causes) {
    const seen = lines.find((text) => line.test(text));
    if (seen !== undefined) return { why, remedy, line: withoutPrefix(seen) };
  }
  return null;
}

/** Returns the last line of TensorFlow's or of Node's that reports an error. */
function lastErrorLine(log: string): string | null {
  const line = log
    .split('\n')
    .filter((text) => /^(Message:|\w*Error:)|(^|: )[EF]\d* .*\]|\bF\d{4} /.test(text))
    .at(-1);
  return line === undefined ? null : withoutPrefix(line);
}

const longestLine = 300;

/** Removes time, source file and line that TensorFlow puts before a message. */
function withoutPrefix(line: string): string {
  return line
    .replace(/^.*?\.cc:\d+\] /, '')
    .replace(/^(Error: |Message: )/, '')
    .trim()
    .slice(0, longestLine);
}
