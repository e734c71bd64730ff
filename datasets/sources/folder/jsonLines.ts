import type { Row } from './readTable.ts';

/**
 * Reads a table that has one JSON object per line, as the hub's `metadata.jsonl`. The first row holds the keys.
 * Values that are no text and no number are left out.
 *
 * @throws Error that names the line
 */
export function readJsonLines(text: string): Row[] {
  const objects: { line: number; value: Record<string, unknown> }[] = [];
  for (const [index, content] of text.split('\n').entries()) {
    if (content.trim() === '') continue;
    const value = parse(content);
    if (value === null) throw new Error(`line ${index + 1} is no JSON object`);
    objects.push({ line: index + 1, value });
  }
  const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
  const keys = new Set<string>();
  for (const { value } of objects) {
    for (const [key, each] of Object.entries(value)) if (isPlain(each)) keys.add(key);
  }
  return [
    { cells: [...keys], line: 1 },
    ...objects.map(({ line, value }) => ({
      cells: [...keys].map((key) => (isPlain(value[key]) ? String(value[key]).trim() : '')),
      line,
    })),
  ];
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
