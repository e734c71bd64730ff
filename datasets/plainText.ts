/**
 * Characters that must not appear in a line of text: those that control a terminal or end a line (Cc, Zl, Zp), change
 * the text direction or are invisible (Cf, Default_Ignorable_Code_Point: zero-width, soft hyphen, fillers, tags), and
 * lone surrogates (Cs).
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Returns untrusted text, such as a file name, as one line without control and invisible characters. */
export function plainText(text: string): string {
  return text.replace(unsafe, '\ufffd');
}

/**
 * Serialises a value as JSON with these characters escaped, so that the text is safe on a terminal and parses to the
 * same value. Only indentation adds line breaks.
 * @param indent as for JSON.stringify; default: one line
 */
export function plainJson(value: unknown, indent?: number): string {
  const escaped = (sign: string) =>
    [...Array(sign.length).keys()]
      .map((at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join('');
  // JSON.stringify has already escaped line breaks in strings; the remaining ones come from the indentation.
  return JSON.stringify(value, null, indent).replace(unsafe, (sign) =>
    sign === '\n' ? sign : escaped(sign),
  );
}
