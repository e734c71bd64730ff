/**
 * What has no place in a line of text for people: characters that steer a terminal or end a line (Cc, Zl, Zp), that turn
 * the direction of text or cannot be seen (Cf, Default_Ignorable_Code_Point: zero-width, soft hyphen, fillers, tags), and
 * halves of a surrogate pair (Cs).
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Text of strangers, such as a file's name, as one line without signs that steer a terminal or cannot be seen. */
export function plainText(text: string): string {
  return text.replace(unsafe, '\ufffd');
}

/**
 * A value as JSON in which such characters are written as escapes, so that the text is fit for a terminal and parses to
 * the same value. Line breaks are those of the indentation.
 * @param indent as of JSON.stringify; none: one line
 */
export function plainJson(value: unknown, indent?: number): string {
  const escaped = (sign: string) =>
    [...Array(sign.length).keys()]
      .map((at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join('');
  // Within strings JSON.stringify has escaped line breaks already: the ones that are left are its own.
  return JSON.stringify(value, null, indent).replace(unsafe, (sign) =>
    sign === '\n' ? sign : escaped(sign),
  );
}
