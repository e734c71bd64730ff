export type Cell = string | number | boolean | null;

/** Signs that make a spreadsheet take a cell for a formula, also their full-width forms. */
const formulaStart = /(^|[,;\t\r\n])([^\S\t\r\n]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

/**
 * Rows as comma-separated values, RFC 4180: CRLF after each row, quotes where a cell needs them. Null is empty.
 *
 * Words come from strangers and the file is opened in spreadsheets: a word that could start a formula gets an
 * apostrophe in front, also after a sign that some spreadsheets take for the end of a cell (OWASP, CSV Injection).
 */
export function formatCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(formatCell).join(',')}\r\n`).join('');
}

function formatCell(cell: Cell): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell);
  const text = withoutFormula(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A word that no spreadsheet takes for a formula. */
export function withoutFormula(text: string): string {
  return text.replace(formulaStart, "$1'$2");
}
