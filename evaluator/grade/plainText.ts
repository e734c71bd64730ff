/** Text of strangers, such as a file's name, without signs that steer a terminal or turn the direction of text. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
