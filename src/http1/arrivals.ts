import { atTurnEnd, awaitTurnEnd } from "./turn.ts";

/** Takes what has come: a wire. */
export interface Receiver {
  /** What comes are requests. */
  readonly isClient: boolean;
  /** The bytes are overwritten once it returns. */
  take(bytes: Buffer): boolean;
}

/**
 * Room for a head before what has arrived, so that both can leave as one piece. glibc has so large a memory begin sixteen bytes behind a
 * page: without these the system would not copy to the beginning of one, which costs about a fiftieth of a large answer.
 */
const ROOM = 8192 - 16;

const ARRIVALS = 262_144;
const KEPT = 131_072;

/** `arrivals` with the room before it, which is for `Wire` alone, and behind it what is kept for the end of the turn. */
export const memory = Buffer.allocUnsafeSlow(ROOM + ARRIVALS + KEPT);

/** Where plain connections read into, all of them: only one is read at a time. */
export const arrivals = memory.subarray(ROOM, ROOM + ARRIVALS);

const KEPT_AT = ROOM + ARRIVALS;

/** The beginnings of `arrivals`, by their length: to make one takes longer than to look it up. */
const beginnings: Buffer[] = [];
let lastLong = arrivals;

/** The first bytes of `arrivals`. */
export function arrived(length: number): Buffer {
  if (length <= SHORT) return (beginnings[length] ??= arrivals.subarray(0, length));
  if (length !== lastLong.length) lastLong = arrivals.subarray(0, length);
  return lastLong;
}

/** What is longer, as large bodies are, is taken at once. */
const SHORT = 4096;

/** Place and length of what is kept are one number, with the length in these bits. */
const LENGTH_BITS = 13;
const LENGTH = (1 << LENGTH_BITS) - 1;

/** What has come for one kind of receivers and is kept for the end of the turn. */
class Kept {
  readonly #receivers: (Receiver | undefined)[] = [];
  /** Where in `memory` it begins, and how long it is, in one number. */
  readonly #places: number[] = [];
  #count = 0;
  #next = 0;

  add(receiver: Receiver, start: number, length: number): void {
    this.#receivers[this.#count] = receiver;
    this.#places[this.#count] = ((start - KEPT_AT) << LENGTH_BITS) | length;
    this.#count += 1;
  }

  deliver(): void {
    while (this.#next < this.#count) this.#deliver(this.#next++);
    this.#next = 0;
    this.#count = 0;
  }

  deliverTo(receiver: Receiver): void {
    for (let i = this.#next; i < this.#count; i += 1) if (this.#receivers[i] === receiver) this.#deliver(i);
  }

  #deliver(index: number): void {
    const receiver = this.#receivers[index];
    if (receiver === undefined) return;
    this.#receivers[index] = undefined;
    const place = this.#places[index]!;
    const start = KEPT_AT + (place >> LENGTH_BITS);
    const length = place & LENGTH;
    memory.copyWithin(ROOM, start, start + length);
    receiver.take(arrived(length));
  }

  has(receiver: Receiver): boolean {
    for (let i = this.#next; i < this.#count; i += 1) if (this.#receivers[i] === receiver) return true;
    return false;
  }
}

const requests = new Kept();
const answers = new Kept();
let keptEnd = KEPT_AT;

/**
 * The first bytes of `arrivals` are for this receiver. It gets them at the end of the turn, once everything that has come was read: first
 * all requests, then all answers. As with what leaves, the code of the system, that of requests and that of answers are then found in the
 * processor's caches, which measured saves a thirtieth of a request's CPU, with what the copies cost.
 */
export function arrive(receiver: Receiver, length: number): void {
  if (length > SHORT || keptEnd + length > memory.length) {
    takeNow(receiver, length);
    return;
  }
  memory.copyWithin(keptEnd, ROOM, ROOM + length);
  keptFor(receiver).add(receiver, keptEnd, length);
  keptEnd += length;
  awaitTurnEnd();
}

function keptFor(receiver: Receiver): Kept {
  return receiver.isClient ? requests : answers;
}

function takeNow(receiver: Receiver, length: number): void {
  deliverTo(receiver, length);
  receiver.take(arrived(length));
}

/**
 * Have the receiver get what is kept for it before anything else happens to it: the system may tell of a connection twice in a turn. So
 * many bytes as `newer` says have arrived behind that, and lie in `arrivals` again afterwards.
 */
export function deliverTo(receiver: Receiver, newer = 0): void {
  const kept = keptFor(receiver);
  if (!kept.has(receiver)) return;
  const bytes = Buffer.from(arrived(newer));
  kept.deliverTo(receiver);
  arrivals.set(bytes);
}

function deliver(): void {
  requests.deliver();
  answers.deliver();
  keptEnd = KEPT_AT;
}

atTurnEnd(deliver);
