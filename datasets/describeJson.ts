import type { z } from 'zod';
import { quoteUntrusted } from './quoteUntrusted.ts';

/**
 * Says where a text stops being JSON. The message of JSON.parse quotes the text, which may be untrusted, so only the
 * position is used.
 */
export function describeJsonFault(error: unknown): string {
  const { message } = error as Error;
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `not JSON at character ${Number(position) + 1}`;
  return message.includes('end of JSON') ? 'not JSON: unexpected end' : 'not JSON';
}

const mostKeys = 3;

/** Lists, in one line, what of a value violates its schema. Names of unknown fields are quoted. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      const place = issue.path.length === 0 ? '' : ` (at ${issue.path.map(pathPart).join('.')})`;
      return `${issue.code === 'unrecognized_keys' ? unknownFields(issue.keys) : issue.message}${place}`;
    })
    .join('; ');
}

function unknownFields(keys: readonly string[]): string {
  const named = keys.slice(0, mostKeys).map(quoteUntrusted).join(', ');
  const more = keys.length > mostKeys ? ` and ${keys.length - mostKeys} more` : '';
  return `${keys.length === 1 ? 'unknown field' : 'unknown fields'} ${named}${more}`;
}

function pathPart(part: PropertyKey): string {
  return typeof part === 'number' || /^\w{1,20}$/.test(String(part))
    ? String(part)
    : quoteUntrusted(String(part));
}
