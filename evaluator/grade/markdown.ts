/**
 * Text of strangers made inert in Markdown, also in a table: every sign that could start markup, HTML or a link is
 * written as its character reference, which shows the sign itself.
 */
export function escapeMarkdown(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N} .,()'"+=/;?%-]/gu, reference).replace(/(?<=www)\./gi, reference);
}

function reference(sign: string): string {
  return `&#${sign.codePointAt(0)};`;
}

/** A table; cells must be Markdown already. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return [head, head.map(() => '---'), ...rows].map(line).join('');
}
