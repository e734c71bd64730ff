/** Characters of a stranger's text that are shown at most: enough to find a thing by, too few to carry data out. */
export const mostQuoted = 20;
const mark = '…';

/**
 * Quotes text that an entry chose (a header field, a file's name, a key) inside a sentence of ours. At most 20 of its
 * characters are shown, of a harmless alphabet: ASCII letters, digits and `. _ - /`; all else becomes `?`. Of a longer
 * text the beginning and the end are shown, with `…` between.
 *
 * Longer quotes would be a channel: a predict stage has seen the withheld images, and what it chooses must not be carried
 * out of the evaluator. The alphabet holds nothing that steers a terminal, ends a line, or starts markup.
 */
export function quoteUntrusted(text: string): string {
  const half = mostQuoted / 2;
  const isCut = text.length > mostQuoted;
  const shown = isCut ? text.slice(0, half) + text.slice(-half) : text;
  const harmless = shown.replace(/[^A-Za-z0-9._/-]/g, '?');
  return isCut ? `"${harmless.slice(0, half)}${mark}${harmless.slice(half)}"` : `"${harmless}"`;
}
