import { plainText } from './plainText.ts';
import { quoteUntrusted } from './quoteUntrusted.ts';

/** Describes an error briefly: the code of a system error, or the message of a decoder. */
export function describeFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith('E') ? code : (message?.split('\n')[0] ?? String(error));
}

const mostFaultText = 500;

/**
 * Describes an internal error in one line, for a record. The path in a system error can contain names chosen by an
 * entry, so it is quoted.
 */
export function describeOwnFault(error: unknown): string {
  const { code, syscall, path, message } = error as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined && path !== undefined
    ? `${code} at ${syscall} of ${quoteUntrusted(String(path))}`
    : plainText(message ?? String(error)).slice(0, mostFaultText);
}
