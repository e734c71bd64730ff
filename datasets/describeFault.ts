/** What went wrong, in as few words as an error of the system or of a decoder gives. */
export function describeFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith('E') ? code : (message?.split('\n')[0] ?? String(error));
}
