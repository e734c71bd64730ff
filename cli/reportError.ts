import { UserError, type UserErrorFields } from '../datasets/userError.ts';
import { tell } from './terminal.ts';

/**
 * Prints an error to standard error. If a `haet` started this process, it gets the error's fields, see
 * callOrganizer.ts.
 * @param context prefix of the message, for example the run that it is about
 */
export function reportError(error: Error, context?: string): void {
  tell(`haet: ${context === undefined ? '' : `${context}: `}${error.message}`);
  if (error instanceof UserError) tell(...(error.details ?? []).map((line) => `  ${line}`));
  const about = context === undefined ? '' : `${context}: `;
  const { option, path, reason, remedy } =
    error instanceof UserError ? error : new UserError(`${about}${error.message}`);
  const fields: UserErrorFields = { option, path, reason, remedy };
  // Whoever started this process may be gone meanwhile: that must not end what is still to be done.
  if (process.connected) process.send?.(fields, undefined, undefined, () => {});
}
