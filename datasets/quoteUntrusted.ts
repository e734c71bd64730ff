/** Maximum characters shown of untrusted text: enough to identify a thing, too few to leak data. */
export const mostQuoted = 20;
const mark = '…';

/**
 * Quotes text chosen by an entry (a header field, a file's name, a key). Shows at most 20 characters: ASCII letters,
 * digits and `. _ - /`; all others become `?`. Longer text is shortened in the middle with `…`.
 *
 * Longer quotes would be a channel: a predict stage has seen the withheld images, and text it chooses must not leave
 * the evaluator. The alphabet has no character that controls a terminal, ends a line, or starts markup.
 */
export function quoteUntrusted(text: string): string {
  const half = mostQuoted / 2;
  const isCut = text.length > mostQuoted;
  const shown = isCut ? text.slice(0, half) + text.slice(-half) : text;
  const harmless = shown.replace(/[^A-Za-z0-9._/-]/g, '?');
  return isCut ? `"${harmless.slice(0, half)}${mark}${harmless.slice(half)}"` : `"${harmless}"`;
}
