import type { Change, Lease } from "../entities/index.ts";
import type { ChangeFeed } from "./changes.ts";
import type { Clock } from "./reads.ts";
import type { Executor } from "./sql.ts";
import type { Tables } from "./tables.ts";

/** What a link needs of the stores that it serves. */
export interface LinkParts {
  /** Told of the changes of all nodes, in the order of their commits. */
  readonly feed: ChangeFeed;
  readonly tables: Tables;
  readonly now: Clock;
}

/** Joins the nodes on one database: what one commits, the feeds of all are told, in one order. */
export interface Link {
  /** How far this node's knowledge can be trusted. */
  readonly lease: Lease;
  /** Tell this feed from now on. Throws `DatabaseError` when the database is out of reach. */
  start(parts: LinkParts): Promise<void>;
  /** One for each write. */
  announce(): Announcement;
  /** Within a transaction that is no write of a row: have all nodes read everything anew when it commits. */
  alarm(tx: Executor): Promise<void>;
  close(): Promise<void>;
}

/** The changes of one write on their way to all nodes. */
export interface Announcement {
  /** Within the write's transaction: they leave with its commit. May be called again when the work is run again. */
  send(tx: Executor, changes: readonly Change[]): Promise<void>;
  /** After the commit: kept when the listeners of this node are done. Rejects with their failure. */
  told(): Promise<void>;
  /** The write came to nothing. */
  cancel(): void;
}
