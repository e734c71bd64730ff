/**
 * A mistake that the user can mend. The command line prints its message without a stack trace.
 * The message names the file or option, the value got, the value expected, and what to do next.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}
