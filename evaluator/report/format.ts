// Formats numbers for people. Every function accepts any number and never throws.

/** Formats `0.8731` as `87.3`, for text that adds the unit itself. */
export function inPercent(fraction: number, digits = 1): string {
  return (100 * fraction).toFixed(digits);
}

/** Formats `0.8731` as `87.3 %` with a non-breaking space. For pages; terminals may not have that space. */
export function percent(fraction: number, digits = 1): string {
  return `${inPercent(fraction, digits)}\u202f%`;
}

/** Formats `95 % interval 85.0 to 89.1`, in per cent. */
export function interval95([low, high]: readonly [number, number]): string {
  return `95 % interval ${inPercent(low)} to ${inPercent(high)}`;
}

/** Formats seconds with a suitable unit: `12 ms`, `4.32 s`, `600.0 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 3600) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** Formats bytes in binary units: `2.3 GiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, count)) / 10)));
  const value = count / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** Separates thousands: `5 000` with a thin space, which is the same in every language. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** Formats `2026-11-21T10:41:23.000Z` as `2026-11-21 10:41:23 UTC`. */
export function instant(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}
