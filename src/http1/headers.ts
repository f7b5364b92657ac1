import { HttpMessageError } from "./errors.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether the text is a token, as methods and field names must be (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether the text may stand in a field value: no control character but HTAB, and one byte per character (RFC 9110 §5.5). */
export function isFieldValue(text: string): boolean {
  return VALUE.test(text);
}

function checkField(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new HttpMessageError("ERR_HTTP_FIELD_NAME");
  if (!VALUE.test(value)) throw new HttpMessageError("ERR_HTTP_FIELD_VALUE");
}

/**
 * The fields of a message in wire order and case, one entry per line, values as Latin-1 text. Every field was checked when it
 * came in (by the parser, the constructor, `set` or `append`, which throw ERR_HTTP_FIELD_NAME or ERR_HTTP_FIELD_VALUE), so
 * nothing in here can split a message. Lookups take lower-case names.
 */
export class Headers {
  #list: string[];
  /** The names of `#list` in lower case, made at the first lookup. */
  #names: string[] | undefined;

  /** From a flat list `[name, value, name, value, ...]`, which is copied. */
  constructor(list: readonly string[] = []) {
    for (let i = 0; i < list.length; i += 2) checkField(list[i]!, list[i + 1] ?? "\0");
    this.#list = list.slice();
  }

  /** Around a list whose fields are known to be valid, which is kept, not copied. For parsers. */
  static trusted(list: string[]): Headers {
    const headers = new Headers();
    headers.#list = list;
    return headers;
  }

  /** `[name, value, name, value, ...]` as on the wire. */
  get list(): readonly string[] {
    return this.#list;
  }

  #index(name: string, from: number): number {
    return (this.#names ?? this.#lowerCased()).indexOf(name, from);
  }

  #lowerCased(): string[] {
    const names: string[] = [];
    for (let i = 0; i < this.#list.length; i += 2) names.push(this.#list[i]!.toLowerCase());
    this.#names = names;
    return names;
  }

  /** The first value. `name` is lower-case, here and below. */
  get(name: string): string | undefined {
    const at = this.#index(name, 0);
    return at < 0 ? undefined : this.#list[at * 2 + 1];
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#index(name, 0); at >= 0; at = this.#index(name, at + 1)) values.push(this.#list[at * 2 + 1]!);
    return values;
  }

  has(name: string): boolean {
    return this.#index(name, 0) >= 0;
  }

  /** Replace the first field of that name where it stands and drop the others; append if there is none. Any case. */
  set(name: string, value: string): void {
    checkField(name, value);
    const lower = name.toLowerCase();
    const at = this.#index(lower, 0);
    if (at < 0) {
      this.#list.push(name, value);
      this.#names!.push(lower);
      return;
    }
    this.#list[at * 2] = name;
    this.#list[at * 2 + 1] = value;
    this.#drop(lower, at + 1);
  }

  /**
   * Replace the value of the first field of that name whose value begins with `start`, where it stands. False when there is
   * none. `name` is lower-case.
   */
  replace(name: string, start: string, value: string): boolean {
    checkField(name, value);
    for (let at = this.#index(name, 0); at >= 0; at = this.#index(name, at + 1)) {
      if (!this.#list[at * 2 + 1]!.startsWith(start)) continue;
      this.#list[at * 2 + 1] = value;
      return true;
    }
    return false;
  }

  /** Add a line after all others. Any case. */
  append(name: string, value: string): void {
    checkField(name, value);
    this.#list.push(name, value);
    this.#names?.push(name.toLowerCase());
  }

  delete(name: string): void {
    this.#drop(name, 0);
  }

  #drop(name: string, from: number): void {
    for (let at = this.#index(name, from); at >= 0; at = this.#index(name, at)) {
      this.#list.splice(at * 2, 2);
      this.#names!.splice(at, 1);
    }
  }

  /** An independent copy. */
  clone(): Headers {
    const copy = Headers.trusted(this.#list.slice());
    copy.#names = this.#names?.slice();
    return copy;
  }
}
