/**
 * Escapes untrusted text for Markdown, also in tables: characters that could start markup, HTML or a link become
 * character references.
 */
export function escapeMarkdown(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N} .,()'"+=/;?%-]/gu, reference).replace(/(?<=www)\./gi, reference);
}

function reference(sign: string): string {
  return `&#${sign.codePointAt(0)};`;
}

/** Formats a table; the cells must be valid Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return [head, head.map(() => '---'), ...rows].map(line).join('');
}
