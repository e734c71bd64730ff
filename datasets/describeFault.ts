import { plainText } from './plainText.ts';
import { quoteUntrusted } from './quoteUntrusted.ts';

/** What went wrong, in as few words as an error of the system or of a decoder gives. */
export function describeFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith('E') ? code : (message?.split('\n')[0] ?? String(error));
}

const mostFaultText = 500;

/**
 * A fault of ours, in one line for a record. The path in an error of the system may end in names that an entry chose, so
 * it is quoted.
 */
export function describeOwnFault(error: unknown): string {
  const { code, syscall, path, message } = error as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined && path !== undefined
    ? `${code} at ${syscall} of ${quoteUntrusted(String(path))}`
    : plainText(message ?? String(error)).slice(0, mostFaultText);
}
