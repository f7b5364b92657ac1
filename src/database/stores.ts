import {
  consumer,
  createPluginEntity,
  createRouteEntity,
  type EntityStore,
  type RegexFault,
  type Stores,
  service,
  type Write,
} from "../entities/index.ts";
import type { Entity, PluginSchema, Row, RowOf } from "../schema/index.ts";
import { ChangeFeed } from "./changes.ts";
import { Conflict, explain } from "./conflicts.ts";
import { SqlEntityStore, type Writer } from "./entity-store.ts";
import { removeExpired } from "./expiry.ts";
import { migrate } from "./migrations.ts";
import type { Clock } from "./reads.ts";
import type { Database } from "./sql.ts";
import { createTables, type Table, type Tables } from "./tables.ts";
import { selectTags } from "./tags.ts";
import { type Outcome, perform } from "./writes.ts";

export interface StoresOptions {
  /** The plugins that may be configured, with the entities they bring. */
  readonly plugins: readonly (PluginSchema & { readonly entities?: readonly Entity[] })[];
  /** Judges the regular expressions of routes; the gateway's own engine. */
  readonly regexFault?: RegexFault;
  /** Has writes performed elsewhere, for a process that only reads; absent: they are performed here. */
  readonly write?: Writer;
  /** Seconds since the epoch. */
  readonly now?: Clock;
}

/** All entities that are kept. */
export function allEntities({ plugins, regexFault }: Pick<StoresOptions, "plugins" | "regexFault">): Entity[] {
  const ofPlugins = new Set(plugins.flatMap((plugin) => plugin.entities ?? []));
  return [service, createRouteEntity(regexFault), consumer, createPluginEntity(plugins), ...ofPlugins];
}

/** The stores over a database, which is migrated first. Throws `DatabaseError` when it cannot be used. */
export async function createStores(database: Database, options: StoresOptions): Promise<Stores> {
  const entities = allEntities(options);
  const tables = createTables(entities);
  await migrate(database, tables);
  return new SqlStores(database, tables, entities, options);
}

class SqlStores implements Stores {
  readonly entities: readonly Entity[];
  readonly write: Writer;
  readonly #database: Database;
  readonly #tables: Tables;
  readonly #stores: ReadonlyMap<string, EntityStore>;
  readonly #feed = new ChangeFeed();
  readonly #now: Clock;
  /** The end of the last write, as changes are to be told in the order in which they were committed. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: Database, tables: Tables, entities: readonly Entity[], options: StoresOptions) {
    const { now = () => Date.now() / 1000 } = options;
    this.#database = database;
    this.#tables = tables;
    this.#now = now;
    this.entities = entities;
    this.write = options.write ?? ((write) => this.#performInTurn(write));
    const storeOf = (name: string) => new SqlEntityStore(database, tables.get(name)!, this.write, now);
    this.#stores = new Map(entities.map(({ name }) => [name, storeOf(name)]));
  }

  of<E extends Entity>(entity: E): EntityStore<RowOf<E>> {
    const store = this.#stores.get(entity.name);
    if (!store) throw new TypeError(`there is no store of ${entity.name}`);
    return store as unknown as EntityStore<RowOf<E>>;
  }

  named(name: string): EntityStore | undefined {
    return this.#stores.get(name);
  }

  tags(query: Parameters<Stores["tags"]>[0] = {}) {
    return selectTags(this.#database, this.#tables, query, this.#now());
  }

  publish(changes: Parameters<Stores["publish"]>[0]): Promise<void> {
    return this.#feed.publish(changes);
  }

  onChange(...subscription: Parameters<Stores["onChange"]>): () => void {
    return this.#feed.subscribe(...subscription);
  }

  async #performInTurn(write: Write): Promise<Row | boolean> {
    // Listeners are told in turn too, but the next write does not wait for them.
    const committed = this.#last.then(async () => {
      const { answer, changes } = await this.#commit(write);
      return { answer, told: { done: this.#feed.publish(changes) } };
    });
    this.#last = committed.catch(() => undefined);
    const { answer, told } = await committed;
    await told.done;
    return answer;
  }

  /** An expired row in the way is removed, and the write tried again. */
  async #commit(write: Write, obstacle?: { readonly table: Table; readonly id: string }): Promise<Outcome> {
    const now = this.#now();
    try {
      return await this.#database.transaction(async (tx) => {
        const context = { database: this.#database, tables: this.#tables, tx, now };
        if (obstacle) await removeExpired(context, obstacle.table, obstacle.id);
        return perform(context, write);
      });
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      const reason = await explain(this.#database, this.#tables, error, now);
      if (reason && "error" in reason) throw reason.error;
      if (!reason || obstacle?.id === reason.expired) throw error;
      return this.#commit(write, { table: error.table, id: reason.expired });
    }
  }
}
