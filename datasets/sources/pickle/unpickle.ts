import { Parser } from 'pickleparser';
import { plainText } from '../../plainText.ts';
import { GuardedReader } from './guardedReader.ts';
import { numpyNames, PickleFault } from './ndArray.ts';

/** Characters shown of a name or a message from a pickle. */
const mostShown = 100;

/**
 * Reads a Python pickle of protocol 0 to 5: numbers, text, bytes, lists, tuples (as arrays), dicts (as maps) and NumPy
 * arrays. Nothing in it is run: a name of anything else in Python is an error.
 *
 * @throws PickleFault
 */
export function unpickle(bytes: Uint8Array): unknown {
  const names = numpyNames();
  const parser = new Parser({
    unpicklingTypeOfDictionary: 'Map',
    nameResolver: {
      resolve(module: string, name: string) {
        const found = names.get(`${module}.${name}`);
        if (found !== undefined) return found;
        throw new PickleFault(
          `it names ${plainText(`${module}.${name}`).slice(0, mostShown)} of Python; only NumPy arrays are read, and nothing is run`,
        );
      },
    },
  });
  try {
    return parser.read(new GuardedReader(bytes));
  } catch (error) {
    if (error instanceof PickleFault) throw error;
    // Anything else comes from a pickle that does not follow the format.
    throw new PickleFault(plainText((error as Error).message.split('\n')[0]!).slice(0, mostShown));
  }
}
