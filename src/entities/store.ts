import type { Awaitable, Entity, Row, RowOf } from "../schema/index.ts";

/**
 * What names one row: its id, one unique field, or the members of a unique tuple (`{ consumer: { id }, group }`).
 * In a tuple an absent member is null.
 */
export type Key = { readonly [field: string]: unknown };

/** What a client may send: any members; the store checks them. `ttl` in seconds, 0 for never, on entities that expire. */
export type Input = { readonly [field: string]: unknown };

export interface PageQuery {
  /** Rows at most, 1 to 1000; 100 when absent. */
  readonly size?: number;
  /** The opaque `offset` of the page before. */
  readonly offset?: string;
  /** Rows that carry all, or any, of the tags; without effect on an entity that has no tags. */
  readonly tags?: { readonly names: readonly string[]; readonly match: "all" | "any" };
  /** Rows whose foreign field refers to this row, as `{ field: "service", id }`. */
  readonly foreign?: { readonly field: string; readonly id: string };
  /** Rows whose text fields have these values. */
  readonly where?: Readonly<Record<string, string>>;
}

export interface Page<E> {
  readonly data: readonly E[];
  /** Where the next page begins; absent on the last. */
  readonly offset?: string;
}

/**
 * Reads and writes the rows of one entity. Reads answer without a promise where the database does. All arguments and
 * answers are plain JSON values. Every verb throws `EntityError` when the request is at fault.
 */
export interface EntityStore<E = Row> {
  readonly entity: Entity;
  /** The row, or undefined; expired rows do not exist. */
  select(key: Key): Awaitable<E | undefined>;
  /** Rows in the order of their ids. */
  page(query?: PageQuery): Awaitable<Page<E>>;
  all(): Awaitable<readonly E[]>;
  /** Adds a row. Of two writers with the same unique value the first to commit wins; the other gets code 3 or 5. */
  insert(input: Input): Promise<E>;
  /**
   * Merges into the stored row: records deep, other members replaced. Read, merge and write are one transaction, so no
   * change made meanwhile is lost. Code 6 when there is no such row.
   */
  update(key: Key, changes: Input): Promise<E>;
  /** Replaces the row, or adds it, in one transaction; members not given return to their defaults. */
  upsert(key: Key, input: Input): Promise<E>;
  /** Deletes the row and what cascades from it, in one transaction. True when there was one. */
  delete(key: Key): Promise<boolean>;
}

/** One committed change of one row; what a cascade deleted is reported too, before the row that caused it. */
export interface Change {
  readonly entity: string;
  readonly operation: "create" | "update" | "delete";
  /** The row as stored now; the last state of a deleted one. */
  readonly row: Row;
  /**
   * The row before an update. Of a large row that another node changed only the id, the unique fields and the references,
   * and so with `row` when it is deleted.
   */
  readonly old?: Row;
}

/**
 * Hears the changes of one write, or of several that were committed together, in the order of the commits. The creation of a
 * row of an `unannounced` entity is not told. The writes are answered when it is done, so it must not wait for a write of its
 * own.
 */
export type ChangeListener = (changes: readonly Change[]) => Awaitable<void>;

/** One write as plain JSON, so that it can be sent to the process that may write. */
export type Write =
  | { readonly verb: "insert"; readonly entity: string; readonly input: Input }
  | { readonly verb: "update" | "upsert"; readonly entity: string; readonly key: Key; readonly input: Input }
  | { readonly verb: "delete"; readonly entity: string; readonly key: Key };

export interface TagRow {
  readonly tag: string;
  readonly entity_name: string;
  readonly entity_id: string;
}

/** All stores of one database. */
export interface Stores {
  readonly entities: readonly Entity[];
  /** The store of an entity record, with its row type. Throws when the entity is not among `entities`. */
  of<E extends Entity>(entity: E): EntityStore<RowOf<E>>;
  /** The store by entity name; undefined when there is none. */
  named(name: string): EntityStore | undefined;
  /** All uses of tags, or of one, in the order of entity ids. */
  tags(query?: { readonly tag?: string; readonly size?: number; readonly offset?: string }): Awaitable<Page<TagRow>>;
  /** Performs a write that came as data; what the verbs of `EntityStore` do too. A delete answers a boolean. */
  write(write: Write): Promise<Row | boolean>;
  /** Tell the listeners of changes that another process has committed. */
  publish(changes: readonly Change[]): Promise<void>;
  /** Be told of changes, of all entities or only of the named. Answers how to stop. */
  onChange(listener: ChangeListener, entities?: readonly string[]): () => void;
  /** Tell the listeners that changes may have been missed; done when all are. */
  reset(): Promise<void>;
  /** Be told that changes may have been missed: what is remembered is to be forgotten or read again. Answers how to stop. */
  onReset(listener: () => Awaitable<void>): () => void;
  /** How far what was remembered of rows can be trusted. */
  readonly lease: Lease;
}

/** A moment by the system's clocks, which all processes of a machine share. */
export interface Instant {
  /** Of the clock that nobody sets, in milliseconds. */
  readonly monotonicMs: number;
  /** Milliseconds since the epoch. */
  readonly wallMs: number;
}

/** The right to answer from memory. */
export interface Lease {
  /** Whether every change that any node committed until a moment ago has been heard of; if not, the store must be asked. */
  isCurrent(): boolean;
  /** Milliseconds since the last moment at which everything was known. */
  ageMs(): number;
  /** Hear of each moment up to which everything is known, so that other processes may be told. Answers how to stop. */
  onRenew(listener: (at: Instant) => void): () => void;
}
