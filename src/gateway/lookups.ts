import { LRUCache } from "lru-cache";
import type { Change, EntityStore, Lease, Stores } from "../entities/index.ts";
import { type Awaitable, type Entity, type Row, type RowOf, validateField } from "../schema/index.ts";

/**
 * Rows that a request needs, answered from memory where possible: found or not found, a row is remembered until a change of
 * it is reported, and no longer than it lives. While changes that other nodes made may be on their way still (`Lease`), the
 * store is asked each time. One bounded memory per entity.
 */
export interface Lookups {
  /** The row whose unique `field` has this value. */
  find<E extends Entity>(entity: E, field: string, value: string): Awaitable<RowOf<E> | undefined>;
  /** The same row as memory has it, to be looked at again and again; undefined when it has none. Never asks the store. */
  watch<E extends Entity>(entity: E, field: string, value: string): Remembered<RowOf<E>> | undefined;
  /**
   * The rows whose foreign `field` refers to the row with this id. When the store fails, those that memory has count, if they
   * were known to be right `staleSeconds` ago or later; 0 by default.
   */
  children<E extends Entity>(
    entity: E,
    field: string,
    id: string,
    staleSeconds?: number,
  ): Awaitable<readonly RowOf<E>[]>;
  /** The store itself, for reads that must not be answered from memory and for writes. */
  store<E extends Entity>(entity: E): EntityStore<RowOf<E>>;
  /** All entities that are kept. */
  readonly entities: readonly Entity[];
  /** Hear of the changes of an entity's rows, and that some may have been missed. */
  follow(entity: Entity, changed: (changes: readonly Change[]) => void, missed: () => void): void;
  /** Whether what was heard of changes is all there is to know (`Lease`); if not, the store must be asked. */
  isCurrent(): boolean;
  /** Forget everything and hear of changes no more. */
  close(): void;
}

/** What is remembered of a row, or of the rows that refer to one. */
export interface Remembered<R> {
  /** Undefined once it may be another one, or is remembered no longer. It counts only while `Lookups.isCurrent()`. */
  readonly row: R | undefined;
}

/** What is asked for by a longer text is not remembered, so that clients cannot fill the memory with texts of their own. */
const MAX_KEY = 1024;

/** `max`: rows remembered per entity. */
export function createLookups(stores: Stores, { max = 10_000 }: { max?: number } = {}): Lookups {
  const memories = new Map<string, Memory>();
  const stops = [
    stores.onChange((changes) => {
      for (const { entity, row, old } of changes) memories.get(entity)?.forget(row, old);
    }),
    stores.onReset(forgetAll),
  ];

  function forgetAll(): void {
    for (const memory of memories.values()) memory.forgetAll();
  }

  function memoryOf(entity: Entity): Memory {
    let memory = memories.get(entity.name);
    if (!memory) memories.set(entity.name, (memory = new Memory(entity, max, stores.lease)));
    return memory;
  }

  return {
    find: (entity, field, value) =>
      memoryOf(entity).remember(
        uniqueKey(field, value),
        () => (canHave(entity, field, value) ? stores.of(entity).select({ [field]: value }) : undefined),
        (row) => (row as { ttl?: number | null } | undefined)?.ttl ?? undefined,
      ),
    watch: (entity, field, value) => memoryOf(entity).watch(uniqueKey(field, value)),
    children(entity, field, id, staleSeconds) {
      const read = () => childrenOf(stores.of(entity), field, id);
      // More of them may come unheard.
      if (entity.unannounced) return read();
      return memoryOf(entity).remember(childrenKey(field, id), read, () => undefined, staleSeconds);
    },
    store: (entity) => stores.of(entity),
    entities: stores.entities,
    follow(entity, changed, missed) {
      stops.push(stores.onChange(changed, [entity.name]), stores.onReset(missed));
    },
    isCurrent: () => stores.lease.isCurrent(),
    close() {
      for (const stop of stops) stop();
      forgetAll();
    },
  };
}

const uniqueKey = (field: string, value: string) => `${field}=${value}`;
const childrenKey = (field: string, id: string) => `${field}>${id}`;

/** An answer that is remembered, until it is forgotten or the row's own life is over. */
class Answer implements Remembered<unknown> {
  /** When it was read. */
  readonly atMs = performance.now();
  #row: unknown;
  readonly #endMs: number;

  constructor(row: unknown, endMs: number) {
    this.#row = row;
    this.#endMs = endMs;
  }

  get row(): unknown {
    return this.#endMs === Number.POSITIVE_INFINITY || Date.now() < this.#endMs ? this.#row : undefined;
  }

  get isOver(): boolean {
    return this.#endMs !== Number.POSITIVE_INFINITY && Date.now() >= this.#endMs;
  }

  forget(): void {
    this.#row = undefined;
  }
}

/** What is remembered of one entity. */
class Memory {
  readonly #answers: LRUCache<string, Answer>;
  readonly #unique: readonly string[];
  readonly #foreign: readonly string[];
  readonly #lease: Lease;
  readonly #remembersAbsence: boolean;
  /** Counts changes: an answer that was asked for before a change and comes after it is not kept. */
  #changes = 0;

  constructor({ fields, unannounced }: Entity, max: number, lease: Lease) {
    this.#lease = lease;
    this.#remembersAbsence = !unannounced;
    this.#answers = new LRUCache({ max, dispose: (answer) => answer.forget() });
    const names = Object.keys(fields);
    this.#unique = names.filter((name) => name === "id" || fields[name]!.unique);
    this.#foreign = names.filter((name) => fields[name]!.type === "foreign");
  }

  /** The answer to `key`, read if it is not known; `lifeOf` says how many seconds it is true at most. */
  remember<T>(
    key: string,
    read: () => Awaitable<T>,
    lifeOf: (value: T) => number | undefined,
    staleSeconds = 0,
  ): Awaitable<T> {
    const known = this.#lease.isCurrent() ? this.#answers.get(key) : undefined;
    if (known && !known.isOver) return known.row as T;
    const asked = this.#changes;
    const keep = (value: T): T => {
      if (value === undefined && !this.#remembersAbsence) return value;
      const seconds = lifeOf(value);
      const endMs = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000;
      if (asked === this.#changes && key.length <= MAX_KEY) this.#answers.set(key, new Answer(value, endMs));
      return value;
    };
    const fallBack = (error: unknown): T => {
      const last = this.#answers.get(key);
      if (last && !last.isOver && this.#ageMs(last) < staleSeconds * 1000) return last.row as T;
      throw error;
    };
    try {
      const value = read();
      return value instanceof Promise ? value.then(keep, fallBack) : keep(value);
    } catch (error) {
      return fallBack(error);
    }
  }

  /** For how long it has not been known that an answer is right. */
  #ageMs({ atMs }: Answer): number {
    return Math.min(performance.now() - atMs, this.#lease.ageMs());
  }

  watch<T>(key: string): Remembered<T> | undefined {
    const answer = this.#lease.isCurrent() ? this.#answers.get(key) : undefined;
    return answer?.row === undefined ? undefined : (answer as Remembered<T>);
  }

  /** Those who watch an answer are told too. */
  forgetAll(): void {
    this.#changes++;
    this.#answers.clear();
  }

  /** Forget all that a changed row is, or was, an answer to. */
  forget(...rows: readonly (Row | undefined)[]): void {
    this.#changes++;
    for (const row of rows) {
      if (!row) continue;
      for (const field of this.#unique) this.#answers.delete(uniqueKey(field, String(row[field])));
      for (const field of this.#foreign) {
        const parent = row[field] as { readonly id: string } | null;
        if (parent) this.#answers.delete(childrenKey(field, parent.id));
      }
    }
  }
}

/** Whether a row may have this value at all; a store refuses to look for one that none has. */
function canHave(entity: Entity, field: string, value: string): boolean {
  const definition = entity.fields[field];
  return definition === undefined || validateField({ ...definition, required: true }, value) === undefined;
}

/** All pages of the rows that refer to `id`. */
function childrenOf<R>(store: EntityStore<R>, field: string, id: string): Awaitable<readonly R[]> {
  const rows: R[] = [];
  const next = (offset?: string): Awaitable<readonly R[]> => {
    const page = store.page({ size: 1000, foreign: { field, id }, ...(offset !== undefined && { offset }) });
    const add = (got: { data: readonly R[]; offset?: string }): Awaitable<readonly R[]> => {
      rows.push(...got.data);
      return got.offset === undefined ? rows : next(got.offset);
    };
    return page instanceof Promise ? page.then(add) : add(page);
  };
  return next();
}
