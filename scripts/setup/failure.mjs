/** A set-up step that cannot continue. The message is one sentence: what is wrong, and what to do. */
export class SetupFailure extends Error {
  name = 'SetupFailure';
}

/**
 * Returns the sentence for an error of the operating system, or null if a user cannot fix it.
 * @param {unknown} error  an Error with a `code`, or the output of a child process
 * @param {string} where  the folder that was being written
 */
export function explainSystemError(error, where) {
  const code = error instanceof Error ? error.code : undefined;
  const text = String(error);
  if (code === 'ENOSPC' || /ENOSPC|No space left on device|Errno 28/.test(text)) {
    return `The disk that holds ${where} is full: free some space there (or point HAET_CACHE at another disk) and run the command again.`;
  }
  if (code === 'EDQUOT' || /EDQUOT|Disk quota exceeded/.test(text)) {
    return `Your disk quota for ${where} is used up: free some space there and run the command again.`;
  }
  if (
    code === 'EROFS' ||
    code === 'EACCES' ||
    code === 'EPERM' ||
    /EROFS|EACCES|Permission denied/.test(text)
  ) {
    return `${where} cannot be written: give yourself write permission (or point HAET_CACHE at another folder) and run the command again.`;
  }
  return null;
}
