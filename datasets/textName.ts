/**
 * The name of a file as text; null where its bytes are not UTF-8. Node decodes such a name to another one, by which the
 * file is not found, so names of strangers are read as bytes (`encoding: 'buffer'`).
 */
export function textName(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : null;
}
