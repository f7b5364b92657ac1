import { LRUCache } from "lru-cache";
import type { EntityStore, Stores } from "../entities/index.ts";
import { type Awaitable, type Entity, type RowOf, validateField } from "../schema/index.ts";

/**
 * Rows that a request needs, answered from memory where possible: found or not found, a row is remembered until a change of
 * its entity is reported, and no longer than it lives. One bounded memory per entity.
 */
export interface Lookups {
  /** The row whose unique `field` has this value. */
  find<E extends Entity>(entity: E, field: string, value: string): Awaitable<RowOf<E> | undefined>;
  /** The rows whose foreign `field` refers to the row with this id. */
  children<E extends Entity>(entity: E, field: string, id: string): Awaitable<readonly RowOf<E>[]>;
  /** The store itself, for reads that must not be answered from memory and for writes. */
  store<E extends Entity>(entity: E): EntityStore<RowOf<E>>;
  /** Forget everything and hear of changes no more. */
  close(): void;
}

/** What is longer is not remembered, so that clients cannot fill the memory with texts of their own. */
const MAX_KEY = 1024;

interface Found {
  readonly value: unknown;
}

/** `max`: rows remembered per entity. */
export function createLookups(stores: Stores, { max = 10_000 }: { max?: number } = {}): Lookups {
  const memories = new Map<string, LRUCache<string, Found>>();
  const stop = stores.onChange((changes) => {
    for (const { entity } of changes) {
      // A new memory rather than an emptied one: an answer still under way from before the change goes to the old.
      if (memories.has(entity)) memories.set(entity, new LRUCache({ max }));
    }
  });

  function memoryOf(entity: string): LRUCache<string, Found> {
    let memory = memories.get(entity);
    if (!memory) memories.set(entity, (memory = new LRUCache({ max })));
    return memory;
  }

  function remember<T>(entity: string, key: string, read: () => Awaitable<T>, lifeOf: (value: T) => number | undefined): Awaitable<T> {
    const memory = memoryOf(entity);
    const found = memory.get(key);
    if (found) return found.value as T;
    const keep = (value: T): T => {
      if (key.length > MAX_KEY) return value;
      const seconds = lifeOf(value);
      memory.set(key, { value }, seconds === undefined ? undefined : { ttl: Math.max(1, seconds * 1000) });
      return value;
    };
    const value = read();
    return value instanceof Promise ? value.then(keep) : keep(value);
  }

  return {
    find: (entity, field, value) =>
      remember(
        entity.name,
        `${field}=${value}`,
        () => (canHave(entity, field, value) ? stores.of(entity).select({ [field]: value }) : undefined),
        (row) => (row as { ttl?: number | null } | undefined)?.ttl ?? undefined,
      ),
    children: (entity, field, id) =>
      remember(
        entity.name,
        `${field}>${id}`,
        () => childrenOf(stores.of(entity), field, id),
        () => undefined,
      ),
    store: (entity) => stores.of(entity),
    close() {
      stop();
      memories.clear();
    },
  };
}

/** Whether a row may have this value at all; a store refuses to look for what none has. */
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
