/** Most settings a table of them shows. */
const mostRows = 200;
const mostLevels = 8;

/**
 * Settings as names and values, nested ones as `outer.inner`; null where the text is not a JSON object (an entry may
 * write anything), or has too many for a table.
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
      // Nested so deeply it is no list of settings, and could be too deep to walk.
      if (depth < mostLevels) yield* flatten(value, `${prefix}${name}.`, depth + 1);
    } else yield [`${prefix}${name}`, typeof value === 'string' ? value : JSON.stringify(value)];
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
