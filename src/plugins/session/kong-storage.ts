import { hash } from "node:crypto";
import type { Lookups } from "../../gateway/index.ts";
import { andThen, EntityError, entityErrors } from "../../schema/index.ts";
import type { SessionStorage, SessionWrite } from "../../session/index.ts";
import { type SessionRow, session, sessionMetadata } from "./entities.ts";

export interface KongStorage extends SessionStorage {
  /**
   * Tells later, again and again, whether the row of this key is still the one of now. Undefined when that would have to be
   * asked of the database.
   */
  watch(key: string): (() => boolean) | undefined;
}

/**
 * Keeps sessions as rows of the gateway's database. SPEC-kong-session-plugin §5
 *
 * The cookie's name is not part of the key: several plugins share the table. Reads are answered from memory until a row
 * changes; a write is committed when its promise is kept. What differs from Kong: a stale row's life is never lengthened, and
 * deleting a row that is gone is no failure.
 */
export function kongStorage(lookups: Lookups): KongStorage {
  const sessions = lookups.store(session);
  const metadatas = lookups.store(sessionMetadata);

  const find = (key: string) => lookups.find(session, "session_id", key);

  async function insert(key: string, data: string, { now, ttl, metadata = [] }: SessionWrite): Promise<void> {
    // A cookie counts up to and including the second in which its time is over, so the row stays one second longer.
    const row = await sessions.insert({ session_id: key, data, expires: now + ttl, ttl: ttl + 1 });
    try {
      for (const { audience, subject } of metadata) {
        await metadatas.insert({ session: { id: row.id }, sid: key, subject, audience });
      }
    } catch (error) {
      await sessions.delete({ id: row.id });
      throw error;
    }
  }

  /** Let a replaced row live for `life` seconds more, or for what it has left if that is less. */
  async function outdate(key: string, life: number, now: number): Promise<void> {
    const row = await find(key);
    const expires = now + life;
    if (!row || (row.expires ?? expires) < expires) return;
    // A row whose `ttl` is 0 would live for ever.
    if (life === 0) await sessions.delete({ id: row.id });
    else await sessions.update({ id: row.id }, { expires, ttl: life }).catch(ignoreMissing);
  }

  return {
    get(_name, key, now) {
      return andThen(find(key), (row) => dataOf(row, now));
    },
    async set(_name, key, value, write) {
      await insert(key, value, write);
      if (write.replaces !== undefined) await outdate(write.replaces, write.stale_ttl ?? 0, write.now);
    },
    watch(key) {
      const row = lookups.watch(session, "session_id", key);
      return row && (() => row.row !== undefined && lookups.isCurrent());
    },
    async noteSuccessor(_name, key, note) {
      const row = await find(key);
      if (!row) return note;
      // Among the metadata of the old row, with which it goes. Its id is that of no other.
      const id = noteId(key);
      try {
        await metadatas.insert({ id, session: { id: row.id }, sid: note });
        return note;
      } catch (error) {
        if (!(error instanceof EntityError && error.code === entityErrors.PRIMARY_KEY_VIOLATION.code)) throw error;
        return (await metadatas.select({ id }))?.sid ?? note;
      }
    },
    async delete(_name, key) {
      await sessions.delete({ session_id: key });
    },
  };
}

function dataOf(row: SessionRow | undefined, now: number): string | undefined {
  return row && (row.expires ?? now) >= now ? (row.data ?? undefined) : undefined;
}

/** The id that the note of a session's successor has: a UUID of the kind that everybody may make for themselves. */
function noteId(key: string): string {
  const digits = hash("sha256", `successor of ${key}`, "hex");
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(12, 15)}`, `8${digits.slice(15, 18)}`];
  return [...parts, digits.slice(18, 30)].join("-");
}

/** The row was deleted meanwhile, by a logout that ran beside. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof EntityError && error.code === entityErrors.NOT_FOUND.code)) throw error;
}
