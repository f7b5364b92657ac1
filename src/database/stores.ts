import {
  type Change,
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
import { DatabaseError, databaseErrors } from "./errors.ts";
import { removeExpired, Sweeper } from "./expiry.ts";
import { permanentLease } from "./lease.ts";
import type { Announcement, Link } from "./link.ts";
import { migrate, requireMigrated } from "./migrations.ts";
import type { Clock } from "./reads.ts";
import { refuse } from "./refusals.ts";
import type { Database } from "./sql.ts";
import { createTables, type Table, type Tables } from "./tables.ts";
import { selectTags } from "./tags.ts";
import { type Waiting, WriteQueue } from "./write-queue.ts";
import { WriteTransaction } from "./write-transaction.ts";
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
  await database.link?.start({ feed, tables, now });
  return new SqlStores({ database, tables, entities, feed, now }, options);
}

/** Additions that have to wait for another node's lock hold up the next ones no longer than this. */
const PATIENCE_MS = 50;

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
  readonly #link: Link | undefined;
  readonly #queue: WriteQueue;

  constructor({ database, tables, entities, feed, now }: StoresParts, options: StoresOptions) {
    const { link } = database;
    this.#database = database;
    this.#link = link;
    // Without a link changes are told in the order in which batches are done.
    this.#queue = new WriteQueue((batch) => this.#performAll(batch), link && PATIENCE_MS);
    this.#tables = tables;
    this.#feed = feed;
    this.#now = now;
    this.#sweeper = new Sweeper(database);
    this.#isDeclared = options.isDeclared ?? (() => false);
    this.entities = entities;
    this.lease = options.lease ?? link?.lease ?? permanentLease;
    this.write = options.write ?? ((write) => this.#performHere(write));
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

  /**
   * Where a link puts the writes of all nodes in one order, those of this one need no turn. Then only additions share a
   * transaction, as they read nothing; other writes are quicker side by side.
   */
  #performHere(write: Write): Promise<Row | boolean> {
    if (!this.#link || write.verb === "insert") return this.#queue.add(write);
    return new Promise((resolve, reject) => void this.#performAll([{ write, resolve, reject }]));
  }

  #perform(context: WriteContext, write: Write): Promise<Outcome> {
    const table = this.#tables.get(write.entity);
    return table && this.#isDeclared(table.entity) ? refuse(context, table, write) : perform(context, write);
  }

  /**
   * Perform writes in one transaction. One that fails must not take the others along, so the batch is divided in two until it
   * stands alone; if it is the database that fails, all fail at once. Done when all are committed or refused; who waits is
   * answered when the listeners are done.
   */
  async #performAll(batch: readonly Waiting[]): Promise<void> {
    const announcement = this.#link?.announce();
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.#commit(
        batch.map(({ write }) => write),
        announcement,
      );
    } catch (error) {
      announcement?.cancel();
      if (batch.length === 1 || isOutage(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      const middle = batch.length >> 1;
      await this.#performAll(batch.slice(0, middle));
      return this.#performAll(batch.slice(middle));
    }
    const told = announcement ? announcement.told() : this.#feed.publish(this.#announced(outcomes));
    told.then(
      () => {
        for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index]!.answer);
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error);
      },
    );
  }

  /** The changes that others are told of, in their order. */
  #announced(outcomes: readonly Outcome[]): Change[] {
    return outcomes
      .flatMap(({ changes }) => changes)
      .filter(({ operation, entity }) => operation !== "create" || !this.#tables.get(entity)!.entity.unannounced);
  }

  async #commit(writes: readonly Write[], announcement?: Announcement): Promise<readonly Outcome[]> {
    const outcomes = await this.#attempt(writes, announcement);
    const created = new Map<Table, number>();
    for (const { changes } of outcomes) {
      if (changes[0]?.operation !== "create") continue;
      const table = this.#tables.get(changes[0].entity)!;
      created.set(table, (created.get(table) ?? 0) + 1);
    }
    for (const [table, count] of created) await this.#sweeper.sweep(table, count, this.#now());
    return outcomes;
  }

  /**
   * An expired row in the way of a write is removed, and the write tried again; likewise when what was in the way is gone by
   * the time that one looks.
   */
  async #attempt(
    writes: readonly Write[],
    announcement?: Announcement,
    expired?: ExpiredRow,
    attempts = 5,
  ): Promise<readonly Outcome[]> {
    const now = this.#now();
    try {
      return await this.#database.transaction(async (transaction) => {
        const tx = new WriteTransaction(transaction, this.#database);
        const context = { tables: this.#tables, tx, now };
        if (expired) await removeExpired(context, expired.table, expired.id);
        const outcomes: Outcome[] = [];
        for (const write of writes) outcomes.push(await this.#perform(context, write));
        await tx.flush();
        await announcement?.send(tx, this.#announced(outcomes));
        return outcomes;
      });
    } catch (error) {
      if (!(error instanceof Conflict) || writes.length > 1) throw error;
      const reason = await explain(this.#database, this.#tables, error, now);
      if (reason && "error" in reason) throw reason.error;
      if (attempts === 1) throw error;
      return this.#attempt(writes, announcement, reason && { table: error.table, id: reason.expired }, attempts - 1);
    }
  }
}

interface ExpiredRow {
  readonly table: Table;
  readonly id: string;
}

/** Whether it is the database that fails, and not what it was given. */
function isOutage(error: unknown): boolean {
  return error instanceof DatabaseError && error.code !== databaseErrors.REFUSED;
}
