/**
 * Decodes a file name; null if it is not UTF-8. Node decodes such a name to a different one that does not exist, so
 * untrusted names are read as bytes (`encoding: 'buffer'`).
 */
export function textName(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : null;
}
