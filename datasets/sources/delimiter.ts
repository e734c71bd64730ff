/**
 * Returns the separator of a table, which is the most frequent one in the first line outside quotes, and the number of
 * lines before that line that only name it.
 */
export function delimiterOf(text: string): { delimiter: string; skipped: number } {
  const lines = text.split(/\r\n|\n|\r/);
  // Excel writes and reads this line.
  const told = /^sep=(.)$/.exec(lines[0]!);
  if (told !== null) return { delimiter: told[1]!, skipped: 1 };
  const line = (lines.find((each) => each.trim() !== '') ?? '').replace(/"[^"]*"/g, '');
  const count = (sign: string) => line.split(sign).length - 1;
  const [best] = [',', ';', '\t', '|'].sort((a, b) => count(b) - count(a));
  return { delimiter: count(best!) > 0 ? best! : line.trim().includes(' ') ? ' ' : ',', skipped: 0 };
}
