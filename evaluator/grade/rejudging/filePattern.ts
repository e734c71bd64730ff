/** Whether a file's name matches one of the patterns: `*` stands for any characters, `?` for one. */
export function matchesAny(file: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => file === pattern || toRegex(pattern).test(file));
}

function toRegex(pattern: string): RegExp {
  const parts = pattern
    .split(/([*?])/)
    .map((part) => (part === '*' ? '.*' : part === '?' ? '.' : literal(part)));
  return new RegExp(`^${parts.join('')}$`, 'su');
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
