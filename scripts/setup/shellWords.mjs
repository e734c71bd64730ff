/**
 * Splits a command as a shell does, at blanks outside of quotes, without expanding variables and patterns.
 * @param {string} text
 * @returns {string[] | null} null if a quote is not closed
 */
export function shellWords(text) {
  const words = [];
  let word = null;
  for (const [part, escaped, single, double, plain, blank] of text.matchAll(
    /\\([\s\S])|'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|([^\s'"\\]+)|(\s+)|[\s\S]/g,
  )) {
    if (blank !== undefined) {
      if (word !== null) words.push(word);
      word = null;
    } else if (part === '"' || part === "'" || part === '\\') {
      return null;
    } else if (escaped !== '\n') {
      word = (word ?? '') + (escaped ?? single ?? double?.replace(/\\([$`"\\\n])/g, unescaped) ?? plain);
    }
  }
  if (word !== null) words.push(word);
  return words;
}

const unescaped = (_, character) => (character === '\n' ? '' : character);
