/** A Python tuple or list. */
export interface PythonSequence {
  readonly kind: 'tuple' | 'list';
  readonly items: readonly PythonLiteral[];
}
/** A value as {@link parsePythonLiteral} returns it. */
export type PythonLiteral =
  | string
  | number
  | boolean
  | null
  | PythonSequence
  | ReadonlyMap<PythonLiteral, PythonLiteral>;

/** Deeper nesting is rejected, so that no text can use up the stack. */
const MOST_DEPTH = 20;
const names: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  n: '\n',
  r: '\r',
  t: '\t',
  '\n': '',
};

/** The text is not a literal of the kinds that are read. */
class NotALiteral extends Error {}

/**
 * Parses a Python literal as `ast.literal_eval` does: dicts, tuples, lists, strings, integers, `True`, `False` and
 * `None`. Integers may have the `L` suffix of Python 2. Nothing is evaluated.
 *
 * @returns undefined if the text is anything else; null is the value of `None`
 */
export function parsePythonLiteral(text: string): PythonLiteral | undefined {
  const reader = new LiteralReader(text);
  try {
    const value = reader.value(0);
    return reader.isAtEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof NotALiteral) return undefined;
    throw error;
  }
}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): PythonLiteral {
    if (depth > MOST_DEPTH) throw new NotALiteral();
    if (this.#takes('{')) return this.#dict(depth + 1);
    if (this.#takes('(')) return this.#parenthesized(depth + 1);
    if (this.#takes('[')) return { kind: 'list', items: this.#items(']', depth + 1).items };
    return this.#string() ?? this.#number() ?? this.#name();
  }

  isAtEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.#text.length;
  }

  #dict(depth: number): PythonLiteral {
    const dict = new Map<PythonLiteral, PythonLiteral>();
    while (!this.#takes('}')) {
      const key = this.value(depth);
      if (!this.#takes(':') || dict.has(key)) throw new NotALiteral();
      dict.set(key, this.value(depth));
      if (this.#takes(',')) continue;
      if (this.#takes('}')) break;
      throw new NotALiteral();
    }
    return dict;
  }

  /** `(1)` is the integer 1; `(1,)` and `()` are tuples. */
  #parenthesized(depth: number): PythonLiteral {
    const { items, hasComma } = this.#items(')', depth);
    return items.length === 1 && !hasComma ? items[0]! : { kind: 'tuple', items };
  }

  #items(end: string, depth: number): { items: PythonLiteral[]; hasComma: boolean } {
    const items: PythonLiteral[] = [];
    let hasComma = false;
    while (!this.#takes(end)) {
      items.push(this.value(depth));
      if (this.#takes(',')) hasComma = true;
      else if (this.#takes(end)) break;
      else throw new NotALiteral();
    }
    return { items, hasComma };
  }

  /** Returns null if no string starts here. */
  #string(): string | null {
    const match = this.#match(/([rRuU]?)("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/sy);
    if (match === null) return null;
    const [, prefix, quoted] = match;
    const raw = quoted!.slice(1, -1);
    return prefix!.toLowerCase() === 'r' ? raw : withoutEscapes(raw);
  }

  /** Returns null if no integer starts here. */
  #number(): number | null {
    const match = this.#match(
      /([+-]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[1-9][0-9_]*|0+)[lL]?(?![\w.])/y,
    );
    if (match === null) return null;
    const size = Number(match[2]!.replaceAll('_', ''));
    return match[1] === '-' ? -size : size;
  }

  #name(): boolean | null {
    const name = this.#match(/[A-Za-z]+/y)?.[0];
    if (name === undefined || !Object.hasOwn(names, name)) throw new NotALiteral();
    return names[name]!;
  }

  #takes(sign: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    this.#skipSpace();
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #skipSpace(): void {
    const space = /(?:[ \t\r\n\f]|#[^\n]*)*/y;
    space.lastIndex = this.#at;
    space.exec(this.#text);
    this.#at = space.lastIndex;
  }
}

/** Replaces the escape sequences that are read; others stay, as in Python. */
function withoutEscapes(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/gs, (all, two, four, sign) => {
    const code = two ?? four;
    return code === undefined ? (escapes[sign] ?? all) : String.fromCharCode(Number.parseInt(code, 16));
  });
}
