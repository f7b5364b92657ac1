import { HttpMessageError } from "./errors.ts";
import { type FieldName, fieldName } from "./field-name.ts";

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether the text may stand in a field value: no control character but HTAB, and one byte per character (RFC 9110 §5.5). */
export function isFieldValue(text: string): boolean {
  return VALUE.test(text);
}

function checkValue(value: string): void {
  if (!VALUE.test(value)) throw new HttpMessageError("ERR_HTTP_FIELD_VALUE");
}

/**
 * The fields of a message in wire order and case, one entry per line, values as Latin-1 text. Every field was checked when it
 * came in (by the parser, the constructor, `set` or `append`, which throw ERR_HTTP_FIELD_NAME or ERR_HTTP_FIELD_VALUE), so
 * nothing in here can split a message. Lookups take lower-case names, or, for what every request asks, the record of a name.
 */
export class Headers {
  /** `[name, value, name, value, ...]` */
  #list: (FieldName | string)[] = [];
  /** The bits of all names that are here, and perhaps of some that were. */
  #bits = 0;

  /** From a flat list `[name, value, name, value, ...]`, which is copied. */
  constructor(list: readonly string[] = []) {
    for (let i = 0; i < list.length; i += 2) this.append(list[i]!, list[i + 1] ?? "\0");
  }

  /** Around a flat list whose fields are known to be valid. For parsers. */
  static trusted(list: readonly string[]): Headers {
    const headers = new Headers();
    for (let i = 0; i < list.length; i += 2) headers.add(fieldName(list[i]!), list[i + 1]!);
    return headers;
  }

  get size(): number {
    return this.#list.length >> 1;
  }

  nameAt(index: number): FieldName {
    return this.#list[2 * index] as FieldName;
  }

  valueAt(index: number): string {
    return this.#list[2 * index + 1] as string;
  }

  /** Replace a value; the new one is known to be valid. */
  putAt(index: number, value: string): void {
    this.#list[2 * index + 1] = value;
  }

  /** `[name, value, name, value, ...]` as on the wire; made anew at each call. */
  get list(): readonly string[] {
    return this.#list.map((part) => (typeof part === "string" ? part : part.wire));
  }

  #index(lower: string, from: number): number {
    const list = this.#list;
    for (let i = 2 * from; i < list.length; i += 2) if ((list[i] as FieldName).lower === lower) return i >> 1;
    return -1;
  }

  /** Whether some field with one of these bits may be here; if not, none is. */
  mayHave(mask: number): boolean {
    return (this.#bits & mask) !== 0;
  }

  /** The first value of a field in `fields`. */
  find({ bit, lower }: FieldName): string | undefined {
    if ((this.#bits & bit) === 0) return undefined;
    const at = this.#index(lower, 0);
    return at < 0 ? undefined : this.valueAt(at);
  }

  /** The first value. `name` is lower-case, here and below. */
  get(name: string): string | undefined {
    const at = this.#index(name, 0);
    return at < 0 ? undefined : this.valueAt(at);
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#index(name, 0); at >= 0; at = this.#index(name, at + 1)) values.push(this.valueAt(at));
    return values;
  }

  /** The value of a field in `fields` that is there once; undefined without it, and when there are more. */
  only({ bit }: FieldName): string | undefined {
    if ((this.#bits & bit) === 0) return undefined;
    let value: string | undefined;
    for (let i = 0; i < this.#list.length; i += 2) {
      if ((this.#list[i] as FieldName).bit !== bit) continue;
      if (value !== undefined) return undefined;
      value = this.#list[i + 1] as string;
    }
    return value;
  }

  has(name: string): boolean {
    return this.#index(name, 0) >= 0;
  }

  /** Add a line after all others whose value is known to be valid. */
  add(name: FieldName, value: string): void {
    this.#list.push(name, value);
    this.#bits |= name.bit;
  }

  /** Add a line after all others. Any case. */
  append(name: string, value: string): void {
    const field = fieldName(name);
    checkValue(value);
    this.add(field, value);
  }

  /** Replace the first field of that name where it stands and drop the others; append if there is none. Any case. */
  set(name: string, value: string): void {
    const field = fieldName(name);
    checkValue(value);
    this.put(field, value);
  }

  /** `set` of a value that is known to be valid. */
  put(name: FieldName, value: string): void {
    const at = name.bit !== 0 && (this.#bits & name.bit) === 0 ? -1 : this.#index(name.lower, 0);
    if (at < 0) {
      this.add(name, value);
      return;
    }
    this.#list[2 * at] = name;
    this.#list[2 * at + 1] = value;
    this.#drop(name.lower, at + 1);
  }

  /**
   * Replace the value of the first field of that name whose value begins with `start`, where it stands. False when there is
   * none. `name` is lower-case.
   */
  replace(name: string, start: string, value: string): boolean {
    checkValue(value);
    for (let at = this.#index(name, 0); at >= 0; at = this.#index(name, at + 1)) {
      if (!this.valueAt(at).startsWith(start)) continue;
      this.#list[2 * at + 1] = value;
      return true;
    }
    return false;
  }

  delete(name: string): void {
    this.#drop(name, 0);
  }

  /** The same by the record of a name. */
  remove({ bit, lower }: FieldName): void {
    if (bit === 0 || (this.#bits & bit) !== 0) this.#drop(lower, 0);
  }

  #drop(name: string, from: number): void {
    for (let at = this.#index(name, from); at >= 0; at = this.#index(name, at)) {
      this.#list.splice(2 * at, 2);
    }
  }

  /** An independent copy. */
  clone(): Headers {
    const copy = new Headers();
    copy.#list = this.#list.slice();
    copy.#bits = this.#bits;
    return copy;
  }
}
