/**
 * Literal texts with a value each, found as the beginnings (or the ends) of a text in one walk over it. The cost grows with
 * the length of the text and the number of different lengths in the table, not with the number of literals: a hash is carried
 * along the text, and looked up at every length that occurs in a table with open addressing.
 */
export class Literals<T> {
  readonly #fromEnd: boolean;
  readonly #literals: string[] = [];
  readonly #values: T[] = [];
  /** The lengths that occur, rising. */
  #lengths: number[] = [];
  /** Pairs of a literal's hash and its place in the lists, plus one; at a place of 0 the search ends. At most half full. */
  #slots = new Int32Array(2 * 16);
  #mask = 15;

  constructor(side: "beginnings" | "ends") {
    this.#fromEnd = side === "ends";
  }

  /** The value of that literal, which `create` makes when it is new. */
  value(literal: string, create: () => T): T {
    const hash = this.#extend(SEED, literal, 0, literal.length);
    for (let slot = hash & this.#mask; this.#slots[2 * slot + 1] !== 0; slot = (slot + 1) & this.#mask) {
      const place = this.#slots[2 * slot + 1]! - 1;
      if (this.#literals[place] === literal) return this.#values[place]!;
    }
    const value = create();
    this.#literals.push(literal);
    this.#values.push(value);
    this.#lengths = [...new Set([...this.#lengths, literal.length])].sort((a, b) => a - b);
    if (this.#literals.length * 2 > this.#mask + 1) this.#grow();
    else this.#occupy(hash, this.#literals.length);
    return value;
  }

  #grow(): void {
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(2 * (this.#mask + 1));
    for (const [place, literal] of this.#literals.entries()) {
      this.#occupy(this.#extend(SEED, literal, 0, literal.length), place + 1);
    }
  }

  #occupy(hash: number, entry: number): void {
    let slot = hash & this.#mask;
    while (this.#slots[2 * slot + 1] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = entry;
  }

  /** Write the values of all literals that the text begins (ends) with into `found` from index 0, shortest first; how many. */
  find(text: string, found: T[]): number {
    const lengths = this.#lengths;
    const slots = this.#slots;
    const mask = this.#mask;
    let count = 0;
    let hash = SEED;
    let walked = 0;
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i]!;
      if (length > text.length) break;
      hash = this.#extend(hash, text, walked, length);
      walked = length;
      for (let slot = hash & mask; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
        if (slots[2 * slot] !== hash) continue;
        const place = slots[2 * slot + 1]! - 1;
        const literal = this.#literals[place]!;
        if (literal.length !== length || !this.#fits(text, literal)) continue;
        found[count++] = this.#values[place]!;
        break;
      }
    }
    return count;
  }

  /** FNV-1a over the characters from `start` to `end`, counted from the table's side of the text. */
  #extend(hash: number, text: string, start: number, end: number): number {
    let result = hash;
    if (this.#fromEnd) {
      for (let i = text.length - 1 - start; i >= text.length - end; i--)
        result = Math.imul(result ^ text.charCodeAt(i), PRIME);
    } else {
      for (let i = start; i < end; i++) result = Math.imul(result ^ text.charCodeAt(i), PRIME);
    }
    return result;
  }

  #fits(text: string, literal: string): boolean {
    return this.#fromEnd ? text.endsWith(literal) : text.startsWith(literal);
  }
}

const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
