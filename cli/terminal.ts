// Everything that a command says goes through here, so that text of strangers (the name of an entry or a file, a field of
// a broken header) can neither steer the terminal nor look like a line of ours.
import { plainJson, plainText } from '../datasets/plainText.ts';

/** Writes lines; a line break within one is no line break any more. */
export type Say = (...lines: readonly string[]) => void;

/** Writes lines for people on a stream. */
export function sayOn(stream: NodeJS.WritableStream, ...lines: readonly string[]): void {
  stream.write(lines.map((line) => `${plainText(line)}\n`).join(''));
}

/** On standard output: what a command was asked for. */
export const say: Say = (...lines) => sayOn(process.stdout, ...lines);

/** On standard error: how it goes, and what went wrong. */
export const tell: Say = (...lines) => sayOn(process.stderr, ...lines);

/** On standard error: what went wrong and did not end the command. */
export const warn = (sentence: string): void => tell(`haet: ${sentence}`);

/** Where people read what a command was asked for: standard output, or standard error where that is for the machine. */
export const sayer = ({ json }: { readonly json?: boolean | undefined }): Say => (json ? tell : say);

/** A value as one line of JSON on standard output, for machines; it does a terminal no harm. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${plainJson(value)}\n`);
}

/** The lines of a text whose line breaks are our own. */
export const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n');

/** A name that a stranger chose, short enough for it and what follows to fit one line of a terminal. */
export function shortName(name: string): string {
  const signs = [...name];
  return signs.length > 40 ? `${signs.slice(0, 39).join('')}…` : name;
}
