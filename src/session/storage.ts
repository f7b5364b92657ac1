import type { Awaitable } from "./awaitable.ts";

/** One place where a storage finds a session by its subject. Both parts are encoded already. */
export interface SessionIndex {
  readonly audience: string;
  readonly subject: string;
}

/** How a record is written. Times are in seconds. */
export interface SessionWrite {
  readonly now: number;
  /** How long the record is kept. */
  readonly ttl: number;
  /**
   * The key of the record this one takes the place of. It stays readable for `stale_ttl` seconds more, or for what was left
   * of its life if that is less, and leaves the indexes.
   */
  readonly replaces?: string | undefined;
  readonly stale_ttl?: number | undefined;
  /** The indexes the record joins, for as long as it is kept. */
  readonly metadata?: readonly SessionIndex[] | undefined;
}

/**
 * Keeps text it does not understand. `name` is the cookie's name with its prefix, `key` 43 characters of base64url, `now` in
 * seconds since the epoch. What a method throws, or rejects with, means that the storage is out of order.
 */
export interface SessionStorage {
  /** The text of a record; undefined when there is none, or none any more. */
  get(name: string, key: string, now: number): Awaitable<string | undefined>;
  /** Write a record; it is there for every reader once this is done. */
  set(name: string, key: string, value: string, write: SessionWrite): Awaitable<void>;
  /** Remove a record, and its key from these indexes. A record that is not there is no error. */
  delete(name: string, key: string, now: number, metadata?: readonly SessionIndex[]): Awaitable<void>;
  /**
   * Note, for `ttl` seconds, what takes the place of a record, unless that is noted already. Answers what is noted then: of
   * several at once the first wins.
   */
  noteSuccessor?(name: string, key: string, note: string, write: Pick<SessionWrite, "now" | "ttl">): Awaitable<string>;
  /** The keys of an index that still live, each with its expiry in seconds since the epoch. */
  list?(name: string, of: SessionIndex, now: number): Awaitable<Map<string, number>>;
}
