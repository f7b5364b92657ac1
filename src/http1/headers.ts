import { HttpMessageError } from "./errors.ts";
import { type FieldName, fieldName } from "./field-name.ts";
import { flat } from "./flat.ts";
import type { Lines } from "./lines.ts";

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether the text may stand in a field value: no control character but HTAB, and one byte per character (RFC 9110 §5.5). */
export function isFieldValue(text: string): boolean {
  return VALUE.test(text);
}

/** Fifteen digits stay exact in a number and are a petabyte. */
const MOST_DIGITS = 15;

/** The number that the digits of the text from `start` to `end` are; -1 when they are none, or too many. */
function decimal(text: string, start: number, end: number): number {
  if (start === end || end - start > MOST_DIGITS) return -1;
  let number = 0;
  for (let i = start; i < end; i += 1) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

const ZERO = 48;

function checkValue(value: string): void {
  if (!VALUE.test(value)) throw new HttpMessageError("ERR_HTTP_FIELD_VALUE");
}

/**
 * Where a line stands in the text of its message: its beginning, with the line end before it, above these bits, and its end in
 * them. 0 where it is not there as it would be written, or too far behind.
 */
const END_BITS = 15;
const FURTHEST = (1 << END_BITS) - 1;
const NOWHERE = 0;

/** What a line has beside its name and value: the line end before it, the colon and a blank. */
const LEAD = 4;

/**
 * The fields of a message in wire order and case, one entry per line, values as Latin-1 text. Every field was checked when it
 * came in (by the parser, the constructor, `set` or `append`, which throw ERR_HTTP_FIELD_NAME or ERR_HTTP_FIELD_VALUE), so
 * nothing in here can split a message. Lookups take lower-case names, or, for what every request asks, the record of a name.
 *
 * What was read stays in the text of its message: a value is made when somebody asks for it, and lines that are passed on are
 * written as they came (`Lines`).
 */
export class Headers {
  /** `[name, place, value, ...]`: without a place there is a value. */
  #list: (FieldName | number | string | undefined)[] = [];
  /** What the places are in. */
  #text = "";
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

  /** For what will be read of this text, by `addRead`. */
  static of(text: string): Headers {
    const headers = new Headers();
    headers.#text = text;
    return headers;
  }

  /** Fields that are sent again and again: they are kept as the text that is written. */
  static constant(list: readonly string[]): Headers {
    const given = new Headers(list);
    let text = "";
    for (let i = 0; i < given.size; i += 1) text += given.nameAt(i).lead + given.valueAt(i);
    const headers = Headers.of(flat(text));
    for (let i = 0, at = 0; i < given.size; i += 1) {
      const from = at + given.nameAt(i).lead.length;
      at = from + given.valueAt(i).length;
      headers.addRead(given.nameAt(i), from, at, true);
    }
    return headers;
  }

  get size(): number {
    return this.#list.length / 3;
  }

  nameAt(index: number): FieldName {
    return this.#list[3 * index] as FieldName;
  }

  valueAt(index: number): string {
    return this.#valueAt(3 * index);
  }

  #valueAt(at: number): string {
    return (this.#list[at + 2] as string | undefined) ?? this.#makeValue(at);
  }

  #makeValue(at: number): string {
    const value = this.#text.slice(this.#valueStart(at), this.#valueEnd(at));
    this.#list[at + 2] = value;
    return value;
  }

  /** Where the value of a line that has a place is in the text. */
  #valueStart(at: number): number {
    return ((this.#list[at + 1] as number) >> END_BITS) + (this.#list[at] as FieldName).length + LEAD;
  }

  #valueEnd(at: number): number {
    return (this.#list[at + 1] as number) & FURTHEST;
  }

  /** Have the value be this string, which is equal to it. */
  replaceMade(index: number, same: string): void {
    this.#list[3 * index + 2] = same;
  }

  /** `[name, value, name, value, ...]` as on the wire; made anew at each call. */
  get list(): readonly string[] {
    const list: string[] = [];
    for (let i = 0; i < this.size; i += 1) list.push(this.nameAt(i).wire, this.valueAt(i));
    return list;
  }

  /** Where the field stands among the list's entries. */
  #index(lower: string, from: number): number {
    const list = this.#list;
    for (let at = from; at < list.length; at += 3) if ((list[at] as FieldName).lower === lower) return at;
    return -1;
  }

  /** Whether some field with one of these bits may be here; if not, none is. */
  mayHave(mask: number): boolean {
    return (this.#bits & mask) !== 0;
  }

  /** Where the first field of this name in `fields` is; -1 without one. */
  indexOf({ bit }: FieldName): number {
    if ((this.#bits & bit) === 0) return -1;
    for (let i = 0; i < this.size; i += 1) if (this.nameAt(i).bit === bit) return i;
    return -1;
  }

  /** The first value of a field in `fields`. */
  find(name: FieldName): string | undefined {
    const index = this.indexOf(name);
    return index < 0 ? undefined : this.valueAt(index);
  }

  /** The first value. `name` is lower-case, here and below. */
  get(name: string): string | undefined {
    const at = this.#index(name, 0);
    return at < 0 ? undefined : this.#valueAt(at);
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#index(name, 0); at >= 0; at = this.#index(name, at + 3)) values.push(this.#valueAt(at));
    return values;
  }

  /** The value of a field in `fields` that is there once; undefined without it, and when there are more. */
  only(name: FieldName): string | undefined {
    const index = this.onlyIndexOf(name);
    return index < 0 ? undefined : this.valueAt(index);
  }

  /** Where it is; -1 without it, and when there are more. */
  onlyIndexOf(name: FieldName): number {
    const index = this.indexOf(name);
    if (index >= 0) for (let i = index + 1; i < this.size; i += 1) if (this.nameAt(i).bit === name.bit) return -1;
    return index;
  }

  /** The decimal number that the value is; -1 when it is none, or has more than fifteen digits. */
  numberAt(index: number): number {
    const at = 3 * index;
    const value = this.#list[at + 2] as string | undefined;
    if (value !== undefined) return decimal(value, 0, value.length);
    return decimal(this.#text, this.#valueStart(at), this.#valueEnd(at));
  }

  /** Whether the value, which is not empty, begins with this character, given by its code. */
  beginsWith(index: number, code: number): boolean {
    const at = 3 * index;
    const value = this.#list[at + 2] as string | undefined;
    return (value === undefined ? this.#text.charCodeAt(this.#valueStart(at)) : value.charCodeAt(0)) === code;
  }

  has(name: string): boolean {
    return this.#index(name, 0) >= 0;
  }

  /** Add a line after all others whose value is known to be valid. */
  add(name: FieldName, value: string): void {
    this.#list.push(name, NOWHERE, value);
    this.#bits |= name.bit;
  }

  /**
   * Add the line that was read with this value, from `from` to `end` of the text; only with one blank before it does the text have it
   * as it would be written. `value` is the same, where there is one already.
   */
  addRead(name: FieldName, from: number, end: number, isPlain: boolean, value?: string): void {
    if (isPlain && end <= FURTHEST) this.#list.push(name, ((from - name.length - LEAD) << END_BITS) | end, value);
    else this.#list.push(name, NOWHERE, value ?? this.#text.slice(from, end));
    this.#bits |= name.bit;
  }

  /** Add a line of another message. */
  addFrom(other: Headers, index: number): void {
    if (this.#text === "") this.#text = other.#text;
    const at = 3 * index;
    const name = other.#list[at] as FieldName;
    if (this.#text === other.#text) this.#list.push(name, other.#list[at + 1], other.#list[at + 2]);
    else this.#list.push(name, NOWHERE, other.#valueAt(at));
    this.#bits |= name.bit;
  }

  addAll(others: Headers): void {
    for (let i = 0; i < others.size; i += 1) this.addFrom(others, i);
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
    this.#list[at] = name;
    this.#putAt(at, value);
    this.#drop(name.lower, at + 3);
  }

  #putAt(at: number, value: string): void {
    this.#list[at + 1] = NOWHERE;
    this.#list[at + 2] = value;
  }

  /**
   * Replace the value of the first field of that name whose value begins with `start`, where it stands. False when there is
   * none. `name` is lower-case.
   */
  replace(name: string, start: string, value: string): boolean {
    checkValue(value);
    for (let at = this.#index(name, 0); at >= 0; at = this.#index(name, at + 3)) {
      if (!this.#valueAt(at).startsWith(start)) continue;
      this.#putAt(at, value);
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
      this.#list.splice(at, 3);
    }
  }

  /** Write a field: as it stands in the text, if it does. */
  writeTo(lines: Lines, index: number): void {
    const at = 3 * index;
    const place = this.#list[at + 1] as number;
    if (place === NOWHERE) lines.add(this.#list[at] as FieldName, this.#list[at + 2] as string);
    else lines.addPart(this.#text, place >> END_BITS, place & FURTHEST);
  }

  /** An independent copy. */
  clone(): Headers {
    const copy = new Headers();
    copy.#list = this.#list.slice();
    copy.#text = this.#text;
    copy.#bits = this.#bits;
    return copy;
  }
}
