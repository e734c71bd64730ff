export type Cell = string | number | boolean | null;

/** Characters that start a formula in spreadsheets, including full-width forms. */
const formulaStart = /(^|[,;\t\r\n])([^\S\t\r\n]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

/**
 * Formats rows as comma-separated values (RFC 4180): CRLF after each row, quotes where a cell needs them. Null is
 * empty.
 *
 * Cells contain untrusted text and the file is opened in spreadsheets: text that could start a formula gets a leading
 * apostrophe, also after characters that some spreadsheets treat as cell separators (OWASP, CSV Injection).
 */
export function formatCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(formatCell).join(',')}\r\n`).join('');
}

function formatCell(cell: Cell): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell);
  const text = withoutFormula(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Neutralises a formula. */
export function withoutFormula(text: string): string {
  return text.replace(formulaStart, "$1'$2");
}
