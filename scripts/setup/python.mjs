import { describeEnd, findCause, quoteLine, tellingLine } from './failure.mjs';
import { explainSystemError } from './systemError.mjs';

/**
 * Options for our own scripts. They exclude PYTHONPATH, PYTHONHOME and the packages of the user, which can shadow modules
 * of the standard library.
 */
export const isolated = ['-I'];

/** The exit status of our scripts that refuse to continue, with the reason as the last line of output. */
const ownRefusal = 3;

const memory = 'free some memory or raise the limit of this shell or container';

/** What a python3 says that is not a working Python of a usable version. */
const faults = [
  {
    pattern: /Unknown option: -I|needs Python 3\.6/,
    remedy: 'put Python 3.6 or newer first in PATH under the name python3',
  },
  {
    pattern: /^pyenv: /,
    remedy: 'choose an installed version with `pyenv global` or `pyenv local` (`pyenv versions` lists them)',
  },
  {
    pattern: /No version is set for command|^(?:asdf|mise)\b/,
    remedy: 'choose an installed version in your version manager until `python3 --version` prints it',
  },
  {
    pattern: /error while loading shared libraries|version `GLIBC|symbol lookup error/,
    remedy: 'unset LD_LIBRARY_PATH and LD_PRELOAD if they are set, or install Python again',
  },
  {
    pattern: /No module named '?(encodings|fcntl|zlib|ssl|zipfile|_ctypes)'?|\(missing\) zlib module/,
    remedy: 'put a complete Python first in PATH (on Debian or Ubuntu: sudo apt install python3)',
  },
  { pattern: /MemoryError/, remedy: memory },
];

/**
 * Returns the sentence for a python3 that could not be used, or null if it ran and the script failed by itself.
 * @param {{ status: number | null, signal?: string | null, output: string, missing?: boolean }} result
 * @param {string} place  the folder that the script was writing
 */
export function explainPython(result, place) {
  if (result.missing) {
    return 'python3 was not found: install it with pip (on Debian or Ubuntu: sudo apt install python3 python3-pip) and run the command again.';
  }
  if (/^Error: spawn/.test(result.output)) return explainSystemError(result.output, place);
  const cause = findCause(faults, result.output);
  const ranAndFailed = result.status === ownRefusal || /^Traceback/m.test(result.output);
  if (cause === null && ranAndFailed && !/Fatal Python error/.test(result.output)) return null;
  const line = cause?.line ?? tellingLine(result.output, /Fatal Python error|not found|cannot|error/i);
  const seen = [line && quoteLine(line), describeEnd(result)].filter(Boolean).join('; ');
  const remedy =
    cause?.remedy ??
    (result.signal === 'SIGKILL' ? memory : null) ??
    'repair it until `python3 --version` prints a version, or put another python3 first in PATH,';
  return `python3 cannot be used (${seen}): ${remedy} and run the command again.`;
}
