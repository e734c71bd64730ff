/** Maximum number of settings in a table. */
const mostRows = 200;
const mostLevels = 8;

/**
 * Returns settings as names and values, nested ones as `outer.inner`; null if the text is not a JSON object (an entry
 * can write anything) or has too many settings.
 */
export function settingsRows(text: string): [name: string, value: string][] | null {
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(settings)) return null;
  const rows = [...flatten(settings, '')];
  return rows.length <= mostRows ? rows : null;
}

function* flatten(settings: object, prefix: string, depth = 0): Generator<[string, string]> {
  for (const [name, value] of Object.entries(settings)) {
    if (isObject(value)) {
      // Too deeply nested for a settings table.
      if (depth < mostLevels) yield* flatten(value, `${prefix}${name}.`, depth + 1);
    } else yield [`${prefix}${name}`, typeof value === 'string' ? value : JSON.stringify(value)];
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
