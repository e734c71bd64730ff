import type { z } from 'zod';
import { describeIssues } from '../describeJson.ts';
import { UserError } from '../userError.ts';
import { readWhole } from './readWhole.ts';

const usualMostBytes = 2 ** 20;

/**
 * Reads a JSON file of a known kind.
 * @param kind what it is called in messages, with its article: `a commitment`
 * @param mostBytes a larger file is refused; 1 MiB where not given
 * @param remedy sentence that says what to do where it is not one
 * @throws UserError
 */
export async function readJson<T>(
  path: string,
  schema: z.ZodType<T>,
  { kind, remedy, mostBytes = usualMostBytes }: { kind: string; remedy: string; mostBytes?: number },
): Promise<T> {
  const { bytes } = await readWhole(path, mostBytes);
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    // Not the parser's words: they repeat what stands in the file, which may be secret.
    throw new UserError({ path, reason: `is not ${kind}: it is not JSON`, remedy });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UserError({ path, reason: `is not ${kind}: ${describeIssues(parsed.error)}`, remedy });
}
