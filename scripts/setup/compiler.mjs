import { statSync } from 'node:fs';
import { describeEnd, findCause, quoteLine, SetupFailure, tellingLine } from './failure.mjs';
import { processorName } from './platform.mjs';
import { shellWords } from './shellWords.mjs';
import { explainSystemError } from './systemError.mjs';

/**
 * Returns the C++ compiler with the words that CXX puts after it: `ccache g++`, `g++ -m64`.
 * @param {NodeJS.ProcessEnv} env
 * @returns {[string, ...string[]]}
 */
export function compilerWords(env = process.env) {
  const text = env.CXX?.trim();
  if (!text) return ['c++'];
  // A path with blanks that is not quoted.
  if (statSync(text, { throwIfNoEntry: false })?.isFile()) return [text];
  const words = shellWords(text);
  if (words === null) {
    throw new SetupFailure(
      `CXX is ${env.CXX}, in which a quote or backslash at the end is not closed: correct it or unset it.`,
    );
  }
  return words;
}

/** Compilers and the loader translate their messages, which are read here. */
export const inEnglish = (env = process.env) => ({ ...env, LC_ALL: 'C', LANGUAGE: '' });

const debian = (packages) => `(on Debian or Ubuntu: sudo apt install ${packages})`;
const cxx = 'or name another compiler in CXX';

/** What a compiler says, and what helps: causes first. */
const faults = [
  {
    pattern: /ccache: error|distcc\[\d+\] ERROR|sccache: error/,
    says: 'the compiler cache failed',
    remedy: 'repair it, or name the compiler alone in CXX',
  },
  {
    pattern:
      /Killed signal|: Killed\b|virtual memory exhausted|out of memory|std::bad_alloc|Cannot allocate memory/i,
    says: 'the compiler ran out of memory',
    remedy: 'free about 1 GB of memory, or raise the limit of this shell or container',
  },
  {
    pattern: /internal compiler error|Segmentation fault|PLEASE submit a (?:full )?bug report/i,
    says: 'the compiler crashed',
    remedy: 'name another version in CXX',
  },
  {
    pattern: /(?:exec|execute) [`'‘"]?(?:cc1plus|cc1)\b/,
    says: 'the C++ part of the compiler is not installed',
    remedy: `install it ${debian('g++')} ${cxx}`,
  },
  {
    pattern:
      /(?:cannot find|execute|exec|Executable) [`'‘"]?(?:ld|as|collect2|ld\.\w+)\b|(?:invalid linker name|unable to execute command).*ld|\bas: (?:command )?not found|cannot find binary ld/,
    says: 'the assembler or linker is missing',
    remedy: `install it ${debian('binutils')} ${cxx}`,
  },
  {
    pattern:
      /Cannot create temporary file|unable to make temporary file|error opening temporary|can't create temp/i,
    says: 'the folder for temporary files cannot be used',
    remedy: 'name a folder that you can write in TMPDIR',
  },
  {
    pattern: /option '-mavx512bf16'|unknown argument: '-mavx512bf16'/,
    says: 'the compiler is too old to know the instructions for bfloat16',
    remedy: 'use g++ 10 or clang 10, or newer,',
  },
  {
    pattern:
      /skipping incompatible|incompatible with elf|file in wrong format|architecture of input file|unrecognized command-line option '-mavx|unsupported option '-mavx|unknown target|stubs-(?:32|x32)\.h/,
    says: `the compiler is not one for Linux on ${processorName()}`,
    remedy: 'name one that is in CXX',
  },
  {
    // Headers of the C++ library have no suffix.
    pattern: /fatal error: '?(?:[a-z_]+|bits\/c\+\+config\.h)'?(?:: No such file| file not found)/,
    says: 'the headers of the C++ library are missing',
    remedy: `install them ${debian('g++')} ${cxx}`,
  },
  {
    pattern: /(?:fatal error: '?|search for )(?:linux|asm|asm-generic)\/[\w/]+\.h/,
    says: 'the headers of Linux are missing',
    remedy: `install them ${debian('linux-libc-dev')} ${cxx}`,
  },
  {
    pattern:
      /(?:fatal error: '?|search for )(?:std\w+|features|limits|errno|assert|math|string|wchar|time|pthread|bits\/\w+|gnu\/[\w-]+|sys\/\w+)\.h/,
    says: 'the headers of the C library are missing',
    remedy: `install them ${debian('libc6-dev')} ${cxx}`,
  },
  {
    pattern:
      /cannot find -l(?:stdc\+\+|gcc_s|gcc|m|c|pthread)(?![\w+])|unable to find library -l|cannot find (?:S?crt|crtbegin)/,
    says: 'the libraries of the compiler are not complete',
    remedy: `install them ${debian('g++ libc6-dev')} ${cxx}`,
  },
  {
    pattern:
      /(?:unrecognized|invalid|unknown).*c\+\+(?:17|1z)|requires? (?:at least )?C\+\+17|C\+\+17 or (?:later|newer)|std::(?:optional|string_view|variant|filesystem)\b.*(?:not|no)|is not a member of 'std'|inline variables are only available/i,
    says: 'it needs C++17',
    remedy: 'use g++ 10 or clang 10, or newer,',
  },
  {
    pattern: /cannot find -l:?libtensorflow|fatal error: '?tensorflow\/.*(?:file not found|No such file)/,
    says: 'libtensorflow is not complete',
    remedy: 'delete the folder libtensorflow in the cache folder',
  },
  {
    pattern:
      /unrecognized command[- ]line option|unknown argument|unsupported option|unrecognized option|bad value/i,
    says: 'the compiler does not know an option',
    remedy: 'use g++ 10 or clang 10, or newer, and check the options in CXX',
  },
  {
    pattern: /Exec format error|cannot execute binary file|Syntax error: |ELF.*not found/,
    says: 'it is not a program for this machine',
    remedy: 'name another compiler in CXX',
  },
  {
    pattern: /error while loading shared libraries|version `GLIBC/,
    says: 'the compiler itself does not start',
    remedy: 'unset LD_LIBRARY_PATH and LD_PRELOAD if they are set, or name another compiler in CXX',
  },
];

/**
 * Returns the sentence for a compiler that failed.
 * @param {{ status: number | null, signal?: string | null, output: string, missing?: boolean }} result
 * @param {string[]} command  the compiler and its own words
 * @param {string} name  what was compiled
 * @param {string} folder  where the result goes
 */
export function explainCompiler(result, command, name, folder) {
  const compiler = command.join(' ');
  const { output } = result;
  if (result.missing) {
    return `The C++ compiler ${command[0]} was not found: install one ${debian('g++')} or name yours in CXX, and run the command again.`;
  }
  const sentence = (line, says, remedy) =>
    `${compiler} could not compile the ${name} (${line}): ${says === '' ? '' : `${says}, so `}${remedy} and run the command again.`;
  if (/^Error: spawn/.test(output)) {
    return sentence(
      quoteLine(output),
      'it is not a program that can be started here',
      'name another compiler in CXX',
    );
  }
  if (result.signal === 'SIGKILL') {
    const { says, remedy } = faults.find(({ says }) => says.includes('memory'));
    return sentence(describeEnd(result), says, remedy);
  }
  const cause = findCause(faults, output);
  if (cause !== null && !/No space left|Disk quota|Read-only file/.test(output)) {
    return sentence(quoteLine(cause.line), cause.says, cause.remedy);
  }
  const line = tellingLine(output, /\berror\b|undefined reference|cannot find/i);
  const seen = line === null ? describeEnd(result) : quoteLine(line);
  return (
    explainSystemError(output, folder) ??
    sentence(seen, '', 'repair what this line names, or name another compiler in CXX,')
  );
}

/** Returns the sentence for a compiler that reported success and wrote nothing. */
export function explainNoOutput(command, name) {
  return `${command.join(' ')} ended without an error and wrote no ${name}: check what CXX names${command[0] === 'c++' ? ' or what `c++` in PATH is' : ''}, or name another compiler in it, and run the command again.`;
}
