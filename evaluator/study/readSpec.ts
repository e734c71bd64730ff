import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, isMap, parseDocument } from 'yaml';
import { ZodError } from 'zod';
import { describeFault } from '../../datasets/describeFault.ts';
import { describeIssues } from '../../datasets/describeJson.ts';
import { UserError } from '../../datasets/userError.ts';
import { type StudySpec, studySpecSchema } from './spec.ts';

const mostBytes = 2 ** 20;
const remedy = 'Correct it; docs/study.md lists every field.';

/**
 * Reads the specification of a study. JSON is read as the subset of YAML that it is. Relative paths in it become
 * absolute.
 * @throws UserError that names the file, the field, and the line of a syntax error
 */
export async function readSpec(file: string): Promise<StudySpec> {
  const path = resolve(file);
  const spec = parseSpec(await readText(path), path);
  const absolute = (place: string | undefined) => place && resolve(dirname(path), place);
  const { from, labels } = spec.data;
  return { ...spec, data: { ...spec.data, from: absolute(from), labels: absolute(labels) } };
}

async function readText(path: string): Promise<string> {
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw new Error('not a regular file');
    if (facts.size > mostBytes) throw new Error(`${facts.size} bytes, maximum ${mostBytes}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError({
      path,
      reason: `the specification of the study cannot be read (${describeFault(error)})`,
      remedy: 'Give a YAML or JSON file as docs/study.md describes it.',
    });
  }
}

/**
 * Parses a specification.
 * @param path name of the file in errors
 * @throws UserError
 */
export function parseSpec(text: string, path: string): StudySpec {
  const { document, value } = parseYaml(text, path);
  const parsed = studySpecSchema.safeParse(value);
  if (parsed.success) return { ...parsed.data, arms: asWritten(parsed.data.arms, document) };
  const reason = parsed.error.issues.map(
    (issue) => describeIssues(new ZodError([issue])) + got(value, issue),
  );
  throw new UserError({ path, reason: reason.join('; '), remedy });
}

/** Returns the arms in the order of the file: an object lists names that are whole numbers first. */
function asWritten(arms: StudySpec['arms'], document: Document): StudySpec['arms'] {
  const written = document.get('arms');
  if (!isMap(written)) return arms; // an alias
  const names = written.items.map(({ key }) => String(key));
  return [...arms].sort((one, other) => names.indexOf(one.name) - names.indexOf(other.name));
}

const mostShown = 60;

/** Returns the value that an issue is about, if it is a short one. */
function got(spec: unknown, { path }: Pick<ZodError['issues'][number], 'path'>): string {
  const value = path.reduce<unknown>(
    (above, key) => (above as Record<PropertyKey, unknown> | undefined | null)?.[key],
    spec,
  );
  const text = value === undefined ? undefined : textOf(value);
  return text === undefined || text.length > mostShown ? '' : `, got ${text}`;
}

function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined; // an alias of YAML can make a value contain itself
  }
}

function parseYaml(text: string, path: string): { document: Document; value: unknown } {
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  const [fault] = [...document.errors, ...document.warnings];
  try {
    if (fault !== undefined) throw fault;
    return { document, value: document.toJS() };
  } catch (error) {
    // The first line has the place; the lines below it quote the file.
    const [first = ''] = (error as Error).message.split('\n');
    throw new UserError({ path, reason: `is not valid YAML: ${first.replace(/:$/, '')}`, remedy });
  }
}
