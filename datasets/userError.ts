/** Fields of a user's mistake. All but the reason are optional. */
export interface UserErrorFields {
  /** The option of the command line at fault: `--out`, with its value if that is not a path: `--seed 3`. */
  readonly option?: string | undefined;
  /** The file or folder at fault, under the user's name for it. */
  readonly path?: string | undefined;
  /** What is wrong, without a final period. Follows `option path: ` in the message. */
  readonly reason: string;
  /** What to do next: one or more sentences. */
  readonly remedy?: string | undefined;
  /** The things at fault, if there are several: one line each, printed below the message. */
  readonly details?: readonly string[] | undefined;
}

/**
 * A mistake that the user can fix. The command line prints its message without a stack trace. The message names the
 * file or option, the value got, the value expected, and what to do next. A caller that knows the file or option
 * under another name replaces the field with {@link UserError.about}; it never edits the text.
 */
export class UserError extends Error implements UserErrorFields {
  override readonly name: string = 'UserError';
  readonly option: string | undefined;
  readonly path: string | undefined;
  readonly reason: string;
  readonly remedy: string | undefined;
  readonly details: readonly string[] | undefined;

  /** @param what the fields, or the whole message if no caller needs the parts */
  constructor(what: UserErrorFields | string, options?: ErrorOptions) {
    const fields: UserErrorFields = typeof what === 'string' ? { reason: what } : what;
    super(
      fields.remedy === undefined ? sentenceOf(fields) : `${stopped(sentenceOf(fields))} ${fields.remedy}`,
      options,
    );
    this.option = fields.option;
    this.path = fields.path;
    this.reason = fields.reason;
    this.remedy = fields.remedy;
    this.details = fields.details;
  }

  /** What is wrong and where, without the remedy and the final period. */
  get sentence(): string {
    return sentenceOf(this);
  }

  /** Returns the same error with the path `from`, or a path below it, replaced by the user's name `to`. */
  under(from: string, to: string): UserError {
    if (this.path === from) return this.about({ path: to });
    return this.path?.startsWith(`${from}/`) ? this.about({ path: to + this.path.slice(from.length) }) : this;
  }

  /** Returns the same error about another file or option, or with another remedy. */
  about(place: Pick<UserErrorFields, 'option' | 'path' | 'remedy'>): UserError {
    const { option, path, reason, remedy, details } = this;
    return new UserError({ option, path, reason, remedy, details, ...place }, { cause: this });
  }
}

/** Ends a sentence with one full stop. */
export function stopped(sentence: string): string {
  return sentence.endsWith('.') ? sentence : `${sentence}.`;
}

function sentenceOf({ option, path, reason }: UserErrorFields): string {
  const subject = [option, path].filter((part) => part !== undefined).join(' ');
  return subject === '' ? reason : `${subject}: ${reason}`;
}
