import type { EntityStore, Input, Key, Page, PageQuery, Write } from "../entities/index.ts";
import type { Awaitable, Entity, Row } from "../schema/index.ts";
import { type Clock, selectPage, selectRow, selectWhere } from "./reads.ts";
import type { Database } from "./sql.ts";
import type { Table } from "./tables.ts";

/** Performs a write here, or has it performed by the process that may. */
export type Writer = (write: Write) => Promise<Row | boolean>;

/** The one store for all entities: the schema of its table is all that it knows about them. */
export class SqlEntityStore implements EntityStore {
  readonly entity: Entity;
  readonly #database: Database;
  readonly #table: Table;
  readonly #write: Writer;
  readonly #now: Clock;

  constructor(database: Database, table: Table, write: Writer, now: Clock) {
    this.entity = table.entity;
    this.#database = database;
    this.#table = table;
    this.#write = write;
    this.#now = now;
  }

  select(key: Key): Awaitable<Row | undefined> {
    return selectRow(this.#database, this.#table, key, this.#now());
  }

  page(query: PageQuery = {}): Awaitable<Page<Row>> {
    return selectPage(this.#database, this.#table, query, this.#now());
  }

  all(): Awaitable<readonly Row[]> {
    return selectWhere(this.#database.scans ?? this.#database, this.#table, [], this.#now(), ` ORDER BY "id"`);
  }

  async insert(input: Input): Promise<Row> {
    return (await this.#write({ verb: "insert", entity: this.entity.name, input })) as Row;
  }

  async update(key: Key, input: Input): Promise<Row> {
    return (await this.#write({ verb: "update", entity: this.entity.name, key, input })) as Row;
  }

  async upsert(key: Key, input: Input): Promise<Row> {
    return (await this.#write({ verb: "upsert", entity: this.entity.name, key, input })) as Row;
  }

  async delete(key: Key): Promise<boolean> {
    return (await this.#write({ verb: "delete", entity: this.entity.name, key })) as boolean;
  }
}
