import { stripVTControlCharacters } from 'node:util';

/** A set-up step that cannot continue. The message is one sentence: what is wrong, and what to do. */
export class SetupFailure extends Error {
  name = 'SetupFailure';
}

const longestQuote = 300;

/**
 * Returns a line of a program's output as it is quoted in a sentence: one line, without colours and final punctuation.
 * @param {string} line
 */
export function quoteLine(line) {
  const plain = stripVTControlCharacters(line)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  const short = plain.length > longestQuote ? `${plain.slice(0, longestQuote)}…` : plain;
  return short.replace(/[.:;\s]+$/, '');
}

/**
 * Returns the first line of an output that matches, the last that is not empty if none does, or null.
 * @param {string} output
 * @param {RegExp} [pattern]
 */
export function tellingLine(output, pattern) {
  const lines = output.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  return lines.find((line) => pattern?.test(line)) ?? lines.at(-1) ?? null;
}

/**
 * Describes how a program ended.
 * @param {{ status: number | null, signal?: string | null }} result
 */
export function describeEnd({ status, signal }) {
  return status === null ? `killed by ${signal}` : `exit status ${status}`;
}

/**
 * Returns the first row of a table whose pattern matches the text, with the line that matched.
 * @template {{ pattern: RegExp }} Row
 * @param {Row[]} table  ordered: a cause comes before its consequences
 * @param {string} text
 * @returns {(Row & { line: string, match: RegExpExecArray }) | null}
 */
export function findCause(table, text) {
  const lines = text.split(/[\r\n]+/);
  for (const row of table) {
    for (const line of lines) {
      const match = row.pattern.exec(line);
      if (match) return { ...row, line, match };
    }
  }
  return null;
}
