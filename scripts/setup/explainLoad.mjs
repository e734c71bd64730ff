import { describeEnd, findCause, quoteLine, tellingLine } from './failure.mjs';
import { processorName } from './platform.mjs';

const newerLinux = 'use a newer Linux distribution';

/**
 * What the loader says of an addon or of a library that it needs, and what helps. `file` is the one that the line names.
 * @type {{ pattern: RegExp, fits?: (match: RegExpExecArray, env: NodeJS.ProcessEnv) => boolean, remedy: (file: string, env: NodeJS.ProcessEnv) => string }[]}
 */
const faults = [
  {
    pattern: /cannot enable executable stack/,
    remedy: () =>
      'a library asks for an executable stack, which this system refuses: unset LD_PRELOAD and LD_LIBRARY_PATH if they are set, or report this line,',
  },
  {
    pattern: /cannot restore segment prot after reloc/,
    remedy: (file) => `SELinux refuses the library: run \`chcon -t textrel_shlib_t ${file}\``,
  },
  {
    pattern: /failed to map segment.*(?:Cannot allocate memory)|static TLS block|cannot allocate memory/i,
    remedy: (_, env) =>
      env.LD_PRELOAD
        ? `unset LD_PRELOAD (${env.LD_PRELOAD}) or free some memory`
        : 'free some memory or raise the limit of this shell or container (`ulimit -v`)',
  },
  {
    pattern: /failed to map segment/,
    remedy: (file) =>
      `the disk that holds ${file} is mounted with "noexec" or forbids programs: ${
        isAddon(file) ? 'move the clone to another disk' : 'point HAET_CACHE at a folder on another disk'
      }, or mount this one with "exec",`,
  },
  {
    pattern: /version `(?:GLIBCXX|CXXABI|GCC)_[\d.]+' not found \(required by (.*?)\)/,
    remedy: (file, env) =>
      /^\/(?:usr\/)?lib/.test(file)
        ? 'the C++ library of this system is older than the compiler that CXX names or than libtensorflow needs: name the compiler of the system in CXX, or use a newer Linux distribution,'
        : `${file} is older than needed: remove its folder from ${variable(env)}`,
  },
  {
    pattern: /version `GLIBC_[\d.]+' not found \(required by .*\.node/,
    remedy: () => 'the compiler is for a newer C library than that of this system: name another one in CXX',
  },
  {
    pattern: /version `GLIBC_[\d.]+' not found/,
    remedy: () => `the C library of this system is too old: ${newerLinux}`,
  },
  {
    pattern:
      /wrong ELF class|cannot open shared object file: Exec format|invalid ELF header|ELF load command|file too short/,
    remedy: (file) =>
      isAddon(file)
        ? `the compiler made a file for another machine or an incomplete one: name a compiler for Linux on ${processorName()} in CXX`
        : `${file} is damaged or for another machine: delete it, or remove its folder from LD_LIBRARY_PATH if it is there,`,
  },
  {
    pattern: /(libtensorflow\S*): cannot open shared object file/,
    remedy: () => 'delete the folder libtensorflow in the cache folder, because it is not complete,',
  },
  {
    pattern: /cannot open shared object file: Permission denied/,
    remedy: (file) => `give yourself permission to read ${file}`,
  },
  {
    pattern: /cannot open shared object file/,
    remedy: (file) => `install the package of your system that has ${file}`,
  },
  {
    pattern: /(?:undefined symbol|symbol lookup error|no version information)/,
    fits: (_, env) => Boolean(env.LD_LIBRARY_PATH || env.LD_PRELOAD),
    remedy: (_, env) => `another library of that name is used: unset ${variable(env)}`,
  },
  {
    pattern: /did not self-register|undefined symbol/,
    remedy: () => 'check the options in CXX, or name another compiler in it,',
  },
];

const isAddon = (file) => /\.node(?:\.partial)?$/.test(file);
const variable = (env) => (env.LD_PRELOAD ? 'LD_PRELOAD' : 'LD_LIBRARY_PATH');

/** @type {Record<string, (cpu: string) => string>} */
const signals = {
  SIGILL: (cpu) =>
    `the processor lacks instructions that TensorFlow needs${cpu === 'x64' ? ' (AVX)' : ''}: in a virtual machine, give it the processor of the host, otherwise use a newer processor,`,
  SIGKILL: () => 'memory ran out: free about 1 GB of it, or raise the limit of this container,',
};

/**
 * Returns the sentence for an addon that was compiled and does not load.
 * @param {{ status: number | null, signal?: string | null, output: string }} result  of Node with process.dlopen
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @param {string} cpu as in process.arch
 */
export function explainLoad(result, name, env = process.env, cpu = process.arch) {
  const sentence = (seen, remedy) =>
    `The ${name} was compiled but does not load (${seen}): ${remedy} and run the command again.`;
  if (result.signal) {
    return sentence(
      describeEnd(result),
      signals[result.signal]?.(cpu) ??
        `${env.LD_PRELOAD || env.LD_LIBRARY_PATH ? `unset ${variable(env)}` : 'please report this'}`,
    );
  }
  const line = tellingLine(result.output, /^(?:Uncaught )?Error: /) ?? describeEnd(result);
  const seen = quoteLine(line.replace(/^(?:Uncaught )?Error: /, ''));
  const cause = findCause(
    faults.filter(({ fits }) => fits === undefined || fits(null, env)),
    seen,
  );
  const file = /^(\/.+?|[\w.+-]+\.so[\w.]*): /.exec(seen)?.[1] ?? seen;
  return sentence(
    seen,
    cause?.remedy(file, env) ?? 'please report this line; or name another compiler in CXX',
  );
}
