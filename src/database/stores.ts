import {
  consumer,
  createPluginEntity,
  createRouteEntity,
  type EntityStore,
  type Lease,
  type RegexFault,
  type Stores,
  service,
  type Write,
} from "../entities/index.ts";
import type { Entity, PluginSchema, Row, RowOf } from "../schema/index.ts";
import { ChangeFeed } from "./changes.ts";
import { Conflict, explain } from "./conflicts.ts";
import { SqlEntityStore, type Writer } from "./entity-store.ts";
import { removeExpired, Sweeper } from "./expiry.ts";
import { permanentLease } from "./lease.ts";
import type { Announcement, Link } from "./link.ts";
import { migrate, requireMigrated } from "./migrations.ts";
import type { Clock } from "./reads.ts";
import { refuse } from "./refusals.ts";
import type { Database } from "./sql.ts";
import { createTables, type Table, type Tables } from "./tables.ts";
import { selectTags } from "./tags.ts";
import { type Outcome, perform, type WriteContext } from "./writes.ts";

export interface StoresOptions {
  /** The plugins that may be configured, with the entities they bring. */
  readonly plugins: readonly (PluginSchema & { readonly entities?: readonly Entity[] })[];
  /** Judges the regular expressions of routes; the gateway's own engine. */
  readonly regexFault?: RegexFault;
  /** Has writes performed elsewhere, for a process that only reads; absent: they are performed here. */
  readonly write?: Writer;
  /** Tells when what this process remembers can be trusted, if others write; absent: the database's link, or always. */
  readonly lease?: Lease;
  /** Of which entities a write is refused with code 12: a declarative configuration has their rows. */
  readonly isDeclared?: (entity: Entity) => boolean;
  /** Whether an older database is brought up to date, as by default, or refused with ERR_DATABASE_OLDER. */
  readonly migrates?: boolean;
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
  if (database.readOnly || options.migrates === false) await requireMigrated(database, tables);
  else await migrate(database, tables);
  const { now = () => Date.now() / 1000 } = options;
  const feed = new ChangeFeed();
  await database.link?.start({ feed, database, tables, now });
  return new SqlStores({ database, tables, entities, feed, now }, options);
}

interface StoresParts {
  readonly database: Database;
  readonly tables: Tables;
  readonly entities: readonly Entity[];
  readonly feed: ChangeFeed;
  readonly now: Clock;
}

class SqlStores implements Stores {
  readonly entities: readonly Entity[];
  readonly write: Writer;
  readonly lease: Lease;
  readonly #database: Database;
  readonly #tables: Tables;
  readonly #stores: ReadonlyMap<string, EntityStore>;
  readonly #feed: ChangeFeed;
  readonly #sweeper: Sweeper;
  readonly #isDeclared: (entity: Entity) => boolean;
  readonly #now: Clock;
  /** The end of the last write, as changes are to be told in the order in which they were committed. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ database, tables, entities, feed, now }: StoresParts, options: StoresOptions) {
    const { link } = database;
    this.#database = database;
    this.#tables = tables;
    this.#feed = feed;
    this.#now = now;
    this.#sweeper = new Sweeper(database);
    this.#isDeclared = options.isDeclared ?? (() => false);
    this.entities = entities;
    this.lease = options.lease ?? link?.lease ?? permanentLease;
    this.write =
      options.write ?? (link ? (write) => this.#performLinked(write, link) : (write) => this.#performInTurn(write));
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

  reset(): Promise<void> {
    return this.#feed.reset();
  }

  onReset(listener: Parameters<Stores["onReset"]>[0]): () => void {
    return this.#feed.onReset(listener);
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

  /** The link puts the writes of all nodes in one order, so that those of this one need no turn. */
  async #performLinked(write: Write, link: Link): Promise<Row | boolean> {
    const announcement = link.announce();
    let outcome: Outcome;
    try {
      outcome = await this.#commit(write, announcement);
    } catch (error) {
      announcement.cancel();
      throw error;
    }
    await announcement.told();
    return outcome.answer;
  }

  async #commit(write: Write, announcement?: Announcement): Promise<Outcome> {
    const outcome = await this.#attempt(write, announcement);
    if (outcome.changes[0]?.operation === "create")
      await this.#sweeper.sweep(this.#tables.get(write.entity)!, this.#now());
    return outcome;
  }

  #perform(context: WriteContext, write: Write): Promise<Outcome> {
    const table = this.#tables.get(write.entity);
    return table && this.#isDeclared(table.entity) ? refuse(context, table, write) : perform(context, write);
  }

  /**
   * An expired row in the way is removed, and the write tried again; likewise when what was in the way is gone by the time
   * that one looks.
   */
  async #attempt(write: Write, announcement?: Announcement, expired?: ExpiredRow, attempts = 5): Promise<Outcome> {
    const now = this.#now();
    try {
      return await this.#database.transaction(async (tx) => {
        const context = { database: this.#database, tables: this.#tables, tx, now };
        if (expired) await removeExpired(context, expired.table, expired.id);
        const outcome = await this.#perform(context, write);
        await announcement?.send(tx, outcome.changes);
        return outcome;
      });
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      const reason = await explain(this.#database, this.#tables, error, now);
      if (reason && "error" in reason) throw reason.error;
      if (attempts === 1) throw error;
      return this.#attempt(write, announcement, reason && { table: error.table, id: reason.expired }, attempts - 1);
    }
  }
}

interface ExpiredRow {
  readonly table: Table;
  readonly id: string;
}
