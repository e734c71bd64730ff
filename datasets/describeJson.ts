import type { z } from 'zod';
import { quoteUntrusted } from './quoteUntrusted.ts';

/**
 * Says that a text is not JSON, and from where on. The message of JSON.parse quotes the text, which a stranger may have
 * written, so only the place is taken from it.
 */
export function describeJsonFault(error: unknown): string {
  const { message } = error as Error;
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `not JSON from character ${Number(position) + 1} on`;
  return message.includes('end of JSON') ? 'not JSON: it ends too early' : 'not JSON';
}

const mostKeys = 3;

/** What of a value is not as its schema says, in one line. Names of fields that the schema does not know are quoted. */
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
