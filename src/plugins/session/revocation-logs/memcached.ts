import { randomUUID } from "node:crypto";
import { lineageOfKey } from "../../../entities/index.ts";
import { isUuid } from "../../../schema/index.ts";
import { type NameAffixes, recordName } from "../../../session/index.ts";
import type { OpenedMemcached } from "../clients/memcached.ts";
import type { Revocation } from "../denied.ts";
import { BATCH, decodeEntry, encodeEntry, LOG_NAME, type RevocationLog, SLOWEST_APPEND_MS } from "./log.ts";

export interface MemcachedLogOptions extends NameAffixes {
  readonly client: OpenedMemcached;
  readonly name: string;
}

/** How many seconds memcached takes for a duration; more is a time since the epoch. */
const LONGEST_DURATION = 2_592_000;
/** An entry that has a number and is not there by then was never written, or is gone. */
const AWAITED_MS = 2 * SLOWEST_APPEND_MS;
/** Numbers that can be those of entries not written yet, when all is read. */
const MOST_AWAITED = 1_000;
/** No log has so many entries. */
const MOST_ENTRIES = 2 ** 30;
const ATTEMPTS = 10;

/** How far a log was read. */
interface Place {
  readonly epoch: string;
  count: number;
  /** Numbers of entries that are not there yet, and until when they are looked for. */
  readonly awaited: Map<number, number>;
}

/**
 * What is revoked, in memcached:
 *
 *   <prefix>:<cookie name>:sesame@revoked                   the id of the log
 *   <prefix>:<cookie name>:sesame@revoked:<id>              how many numbers were given out
 *   <prefix>:<cookie name>:sesame@revoked:<id>:<number>     an entry, kept as long as it counts
 *   <prefix>:<cookie name>:sesame@revoked:<id>:first        up to which number there is none any more
 *
 * Whoever writes takes a number, writes the entry, and makes sure that the log is still the same. When any part is missing, as after
 * `flush_all`, another log is begun, and its id tells everybody that theirs is gone.
 */
export function memcachedLog({ client, name, ...affixes }: MemcachedLogOptions): RevocationLog {
  const nameOf = (...parts: (string | number)[]) =>
    encodeURIComponent(recordName(affixes, name, [LOG_NAME, ...parts].join(":")).toWellFormed());
  const head = nameOf();
  let place: Place | undefined;

  async function idOfLog(): Promise<string | undefined> {
    const found = await client.get(head);
    return found && isUuid(found.value) ? found.value : undefined;
  }

  async function begin(): Promise<string> {
    const fresh = randomUUID();
    // First of all: who finds the id finds the number.
    await client.store("add", nameOf(fresh), "0", 0);
    if (await client.store("add", head, fresh, 0)) return fresh;
    const kept = await idOfLog();
    if (kept !== undefined) return kept;
    await client.delete(head);
    throw new Error("memcached keeps dropping what is revoked");
  }

  async function numberOf(key: string): Promise<number | undefined> {
    const number = Number((await client.get(key))?.value);
    return number >= 0 && number <= MOST_ENTRIES ? number : undefined;
  }

  async function append(revocation: Revocation, now: number): Promise<void> {
    const text = encodeEntry(revocation);
    const ttl = Math.ceil(revocation.expires - now) + 2;
    const exptime = ttl > LONGEST_DURATION ? now + ttl : ttl;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const id = (await idOfLog()) ?? (await begin());
      const number = await client.increment(nameOf(id));
      if (number === undefined) {
        await client.delete(head);
        continue;
      }
      await client.store("set", nameOf(id, number), text, exptime);
      if ((await idOfLog()) === id) return;
    }
    throw new Error("memcached keeps dropping what is revoked");
  }

  /** Where reading goes on; the start of another log if it is not the one that was read so far. */
  async function locate(): Promise<{ from: Place; until: number; isNew: boolean }> {
    const known = place;
    const [id, count] = await Promise.all([idOfLog(), known && numberOf(nameOf(known.epoch))]);
    if (known && id === known.epoch && count !== undefined && count >= known.count) {
      return { from: known, until: count, isNew: false };
    }
    const epoch = id ?? (await begin());
    const [until, first = 0] = await Promise.all([numberOf(nameOf(epoch)), numberOf(nameOf(epoch, "first"))]);
    if (until === undefined) {
      await client.delete(head);
      throw new Error("memcached has dropped what is revoked");
    }
    return { from: { epoch, count: Math.min(first, until), awaited: new Map() }, until, isNew: true };
  }

  /** Entries that live long are few: they move to the end, so that the next to read all need not look where the others were. */
  async function skip(epoch: string, first: number, longLived: readonly Revocation[], now: number): Promise<void> {
    for (const revocation of longLived) await append(revocation, now);
    await client.store("set", nameOf(epoch, "first"), String(first), 0);
  }

  return {
    append,
    async read(reader, now) {
      const { from, until, isNew } = await locate();
      if (isNew) reader.anew();
      const { epoch, count, awaited } = from;
      const beganMs = performance.now();
      const missing = new Map<number, number>();
      const cutOffs = new Map<number, Revocation>();
      let firstLineage = Math.max(0, until - MOST_AWAITED);

      async function look(numbers: readonly number[]): Promise<void> {
        const texts = await Promise.all(numbers.map((number) => client.get(nameOf(epoch, number))));
        for (const [at, number] of numbers.entries()) {
          const entry = decodeEntry(texts[at]?.value);
          if (entry) {
            reader.found(entry);
            if (lineageOfKey(entry.key) === undefined) cutOffs.set(number, entry);
            else firstLineage = Math.min(firstLineage, number - 1);
          } else if (texts[at] === undefined && (!isNew || number > until - MOST_AWAITED)) {
            missing.set(number, awaited.get(number) ?? beganMs + AWAITED_MS);
          }
        }
      }

      if (awaited.size > 0) await look([...awaited.keys()]);
      for (let next = count; next < until; next += BATCH) {
        await look(Array.from({ length: Math.min(BATCH, until - next) }, (_, at) => next + at + 1));
      }
      for (const [number, endMs] of missing) if (beganMs >= endMs) missing.delete(number);
      place = { epoch, count: until, awaited: missing };
      if (isNew && firstLineage - count > MOST_AWAITED) {
        const longLived = [...cutOffs].flatMap(([number, entry]) => (number <= firstLineage ? [entry] : []));
        // Else it is for the next.
        await skip(epoch, firstLineage, longLived, now).catch(() => undefined);
      }
    },
  };
}
