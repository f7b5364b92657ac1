import { LONGEST_REVOCATION } from "../../../entities/index.ts";
import type { SqlClient } from "../../../session/index.ts";
import {
  BATCH,
  decodeEntry,
  encodeEntry,
  type LogReader,
  LookBack,
  type RevocationLog,
  SLOWEST_APPEND_MS,
} from "./log.ts";

export interface CassandraLogOptions {
  /** Takes CQL. Its reads must see what its writes have written. */
  readonly client: SqlClient;
  /** The table of the sessions; that of the log has its name with `_revoked`. */
  readonly table?: string | undefined;
  readonly ensureTables?: boolean | undefined;
  readonly name: string;
}

const DAY = 86_400;
/** Seconds by which the clocks of gateways may differ, and milliseconds by which those of the cluster's nodes may. */
const SLACK = 600;
const NODES_MS = 5_000;
/** Days that are read at once at the start. */
const AT_ONCE = 20;

/** How far a day was read, and until when its latest entry is kept. */
interface Place {
  readonly back: LookBack;
  latestEnds: number;
}

/**
 * What is revoked, in a table of Cassandra beside that of the sessions, one partition for each day on which it was written:
 *
 *   <table>_revoked   (name, day) -> id -> entry
 *
 * The node that takes a write names its time, as part of the id. The server removes what has ended; and since nothing else is ever
 * removed, it need not remember that it did.
 */
export function cassandraLog({ client, table = "sessions", ensureTables, name }: CassandraLogOptions): RevocationLog {
  const log = `${table}_revoked`;
  const cql = {
    create: `CREATE TABLE IF NOT EXISTS ${log} (
      name text, day bigint, id timeuuid, entry text, PRIMARY KEY ((name, day), id)
    ) WITH gc_grace_seconds = 0`,
    insert: `INSERT INTO ${log} (name, day, id, entry) VALUES (?, ?, now(), ?) USING TTL ?`,
    first: `SELECT id, toUnixTimestamp(id) AS ms, entry FROM ${log}
      WHERE name = ? AND day = ? AND id >= minTimeuuid(?) LIMIT ${BATCH}`,
    next: `SELECT id, toUnixTimestamp(id) AS ms, entry FROM ${log}
      WHERE name = ? AND day = ? AND id > ? LIMIT ${BATCH}`,
  };
  let created: Promise<unknown> | undefined;
  /** By the day. */
  let places: Map<number, Place> | undefined;

  async function query(statement: string, ...values: (string | number)[]) {
    if (!ensureTables) return client.query(statement, values);
    try {
      await (created ??= client.query(cql.create, []));
      return await client.query(statement, values);
    } catch (error) {
      created = undefined;
      throw error;
    }
  }

  /** Hand over the entries of a day from this time on. The time and the end of the latest, and whether one of a time that was seen is there. */
  async function readDay(day: number, fromMs: number, reader: LogReader, seenMs = 0) {
    const found = { ms: 0, ends: 0, isThere: false };
    let rows = await query(cql.first, name, day, fromMs);
    for (;;) {
      for (const row of rows) {
        const entry = decodeEntry(row.entry);
        if (entry) reader.found(entry);
        found.ms = Number(row.ms);
        found.ends = entry?.expires ?? 0;
        if (found.ms === seenMs) found.isThere = true;
      }
      if (rows.length < BATCH) return found;
      rows = await query(cql.next, name, day, String(rows.at(-1)!.id));
    }
  }

  /** Read on in the days that others may be writing to. Whether all of them still are what they were. */
  async function readOn(known: Map<number, Place>, reader: LogReader, now: number): Promise<boolean> {
    const beganMs = performance.now();
    const start = Math.min(dayOf(now - SLACK), ...known.keys());
    for (let day = start; day <= dayOf(now + SLACK); day++) {
      const place = known.get(day);
      const fromMs = place ? Math.max(0, place.back.from - NODES_MS) : 0;
      const found = await readDay(day, fromMs, reader, place?.back.latest);
      if (!place) {
        known.set(day, placeAt(found));
        continue;
      }
      if (!found.isThere && place.latestEnds > now) return false;
      if (found.ms > place.back.latest) place.latestEnds = found.ends;
      place.back.advance(found.ms, beganMs);
    }
    for (const day of known.keys()) if (day < dayOf(now - SLACK)) known.delete(day);
    return true;
  }

  return {
    async append(revocation, now) {
      const ttl = Math.ceil(revocation.expires - now) + SLACK;
      await query(cql.insert, name, dayOf(now), encodeEntry(revocation), ttl);
    },
    async read(reader, now) {
      if (places && (await readOn(places, reader, now))) return;
      reader.anew();
      places = undefined;
      const fresh = new Map<number, Place>();
      const last = dayOf(now + SLACK);
      for (let day = last - Math.ceil(LONGEST_REVOCATION / DAY) - 1; day <= last; day += AT_ONCE) {
        const days = Array.from({ length: Math.min(AT_ONCE, last - day + 1) }, (_, at) => day + at);
        const found = await Promise.all(days.map((one) => readDay(one, 0, reader)));
        for (const [at, one] of days.entries()) {
          if (one >= dayOf(now - SLACK)) fresh.set(one, placeAt(found[at]!));
        }
      }
      places = fresh;
    },
  };
}

function placeAt({ ms, ends }: { readonly ms: number; readonly ends: number }): Place {
  return { back: new LookBack(ms, SLOWEST_APPEND_MS), latestEnds: ends };
}

const dayOf = (now: number): number => Math.floor(now / DAY);
