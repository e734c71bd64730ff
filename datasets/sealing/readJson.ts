import type { z } from 'zod';
import { describeIssues } from '../describeJson.ts';
import { UserError } from '../userError.ts';
import { readWhole } from './readWhole.ts';

const usualMostBytes = 2 ** 20;

/**
 * Reads a JSON file of a known kind.
 * @param kind its name in messages, with an article: `a commitment`
 * @param mostBytes maximum size; default 1 MiB
 * @param remedy what to do if it is not one
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
    // The parser's message is not used, because it quotes the file, which may be secret.
    throw new UserError({ path, reason: `is not ${kind}: it is not JSON`, remedy });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UserError({ path, reason: `is not ${kind}: ${describeIssues(parsed.error)}`, remedy });
}
