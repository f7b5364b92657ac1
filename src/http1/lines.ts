import type { FieldName } from "./field-name.ts";
import type { Headers } from "./headers.ts";

/** Joins the lines of a head; what stands one behind the other in the same text is taken over as one piece, as each piece costs. */
export class Lines {
  #joined: string;
  /** What comes next, as long as it may become longer: this part of this text. */
  #text = "";
  #from = 0;
  #to = 0;

  /** Behind a line whose end is not written yet. */
  constructor(start: string) {
    this.#joined = start;
  }

  get text(): string {
    this.#join();
    return this.#joined;
  }

  #join(): void {
    if (this.#to > this.#from) this.#joined += this.#text.slice(this.#from, this.#to);
    this.#text = "";
    this.#from = 0;
    this.#to = 0;
  }

  add({ lead }: FieldName, value: string): void {
    this.#join();
    this.#joined += lead + value;
  }

  /** Whole lines of a text, each with the end of the line before it. */
  addPart(text: string, from: number, to: number): void {
    if (from !== this.#to || text !== this.#text) {
      this.#join();
      this.#text = text;
      this.#from = from;
    }
    this.#to = to;
  }

  addFrom(headers: Headers, index: number): void {
    headers.writeTo(this, index);
  }

  addAll(headers: Headers): void {
    for (let i = 0; i < headers.size; i += 1) headers.writeTo(this, i);
  }
}
