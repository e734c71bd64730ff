// All output of commands goes through this module, so that untrusted text (the name of an entry or a file, a field of
// a broken header) can neither control the terminal nor imitate our lines.
import { plainJson, plainText } from '../datasets/plainText.ts';

/** Writes lines; line breaks within a line are removed. */
export type Say = (...lines: readonly string[]) => void;

/** Writes plain-text lines to a stream. */
export function sayOn(stream: NodeJS.WritableStream, ...lines: readonly string[]): void {
  stream.write(lines.map((line) => `${plainText(line)}\n`).join(''));
}

/** Removes the last lines of a terminal. Each must have fitted into its width. */
export function eraseLines(stream: NodeJS.WritableStream, count: number): void {
  if (count > 0) stream.write(`\x1b[${count}A\x1b[J`);
}

/** Writes results to standard output. */
export const say: Say = (...lines) => sayOn(process.stdout, ...lines);

/** Writes progress and errors to standard error. */
export const tell: Say = (...lines) => sayOn(process.stderr, ...lines);

/** Writes a warning to standard error. */
export const warn = (sentence: string): void => tell(`haet: ${sentence}`);

/** Returns the writer for human-readable results: standard output, or standard error with --json. */
export const sayer = ({ json }: { readonly json?: boolean | undefined }): Say => (json ? tell : say);

/** Writes a value as one line of JSON to standard output, with control characters escaped. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${plainJson(value)}\n`);
}

/** Splits a text of our own into lines. */
export const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n');

/** Shortens an untrusted name so that the rest of the line still fits the terminal. */
export function shortName(name: string): string {
  const signs = [...name];
  return signs.length > 40 ? `${signs.slice(0, 39).join('')}…` : name;
}
