import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import type { Change, Instant } from "../entities/index.ts";
import { DatabaseError, databaseErrors } from "./errors.ts";
import { TimedLease } from "./lease.ts";
import type { Announcement, Link, LinkParts } from "./link.ts";
import { decodeMessage, encodeMessages, type SentChange } from "./messages.ts";
import { CHANNEL, Listener } from "./postgres-listener.ts";
import { selectRow } from "./reads.ts";
import { seal, sealable, unseal } from "./seal.ts";
import type { Executor } from "./sql.ts";

/** PostgreSQL's limit is 8000 bytes, exclusive. */
const MAX_MESSAGE = sealable(7999);
/** How often the lease is renewed. */
const BEAT_MS = 30;
/** A lost link is made anew after this long, and after twice as long each time that fails. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

export interface PostgresLinkOptions {
  /** An unopened connection, for the link alone. */
  readonly connect: () => Client;
  readonly database: Executor;
  /** Hears when the link is lost, and when another one is there. */
  readonly onLink?: ((event: "lost" | "restored", error?: unknown) => void) | undefined;
}

/** What one write, which this node has under way, has to tell. */
interface Sent {
  readonly changes: readonly Change[];
  /** The connection that was listening then; what was committed before another one listens is not heard. */
  readonly listener: Listener | undefined;
  readonly done: PromiseWithResolvers<void>;
  isCommitted: boolean;
}

/**
 * The link over LISTEN and NOTIFY. A notification leaves with the commit of its write, so none is early and none is lost
 * while the connection lasts; a node hears its own too, in its place among the others. After a loss everything is read anew
 * before anything is answered from memory again.
 *
 * Whoever may connect to the database may listen on any channel and notify there, whatever tables they may read. So messages
 * are sealed under a key that lies in a table.
 */
export class PostgresLink implements Link {
  readonly lease = new TimedLease();
  readonly #options: PostgresLinkOptions;
  readonly #node = randomUUID();
  readonly #closing = new AbortController();
  /** Writes of this node whose changes it has not heard yet. */
  readonly #sent = new Map<string, Sent>();
  #parts!: LinkParts;
  #key!: Buffer;
  #listener: Listener | undefined;
  #beat: NodeJS.Timeout | undefined;
  /** Changes were missed, or told in another order than that of the commits, since everything was last read. */
  #isBehind = false;
  #writes = 0;
  /** What was heard of the write whose last part is still to come. */
  #heard: SentChange[] | null = [];
  /** Done when what was received has been looked at, one after the other. */
  #order: Promise<unknown> = Promise.resolve();
  /** Done when the listeners are done with all that was published. */
  #told: Promise<unknown> = Promise.resolve();

  constructor(options: PostgresLinkOptions) {
    this.#options = options;
  }

  async start(parts: LinkParts): Promise<void> {
    this.#parts = parts;
    try {
      await this.#open();
    } catch (error) {
      if (error instanceof DatabaseError) throw error;
      throw new DatabaseError(databaseErrors.OPEN, "the link to the other nodes cannot be opened", error);
    }
    this.#beat = setInterval(() => this.#listener?.beat(), BEAT_MS);
    this.#listener?.beat();
  }

  announce(): Announcement {
    const write = `${this.#node}-${++this.#writes}`;
    const done = Promise.withResolvers<void>();
    // It may fail before anybody waits for it.
    done.promise.catch(() => {});
    let isSent = false;
    return {
      send: async (tx, changes) => {
        isSent = changes.length > 0;
        if (!isSent) return;
        this.#sent.set(write, { changes, listener: this.#listener, done, isCommitted: false });
        for (const message of encodeMessages(write, changes, this.#parts.tables, MAX_MESSAGE)) {
          await tx.execute(`SELECT pg_notify(${CHANNEL}, ?)`, [seal(this.#key, message)]);
        }
      },
      told: () => {
        const sent = this.#sent.get(write);
        if (sent) sent.isCommitted = true;
        if (sent && (!sent.listener || sent.listener !== this.#listener)) this.#publishAhead(write, sent);
        return isSent ? done.promise : Promise.resolve();
      },
      cancel: () => void this.#sent.delete(write),
    };
  }

  /** A message without a seal: whoever hears it begins anew. */
  async alarm(tx: Executor): Promise<void> {
    await tx.execute(`SELECT pg_notify(${CHANNEL}, '')`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#beat);
    this.#listener?.close();
    this.#listener = undefined;
    this.lease.end();
    this.#settle();
    await this.#order;
  }

  /** Listen, and read anew what may have been missed. What is heard meanwhile is looked at afterwards. */
  async #open(): Promise<void> {
    const listener = new Listener(this.#options.connect(), {
      onMessage: (payload) => this.#inOrder(listener, () => this.#hear(payload)),
      onEcho: (at) => this.#inOrder(listener, () => this.#hearEcho(listener, at)),
      onLost: (error) => this.#lose(listener, error),
    });
    const opened = this.#order.then(async () => {
      await listener.open();
      this.#key = await readKey(this.#options.database);
      this.#heard = [];
      while (this.#isBehind) {
        this.#isBehind = false;
        await this.#parts.feed.reset();
      }
      if (listener.isLost) throw new Error("the connection was lost again");
      this.#listener = listener;
    });
    this.#order = opened.catch(() => {
      this.#isBehind = true;
      listener.close();
    });
    await opened;
    if (this.#closing.signal.aborted) listener.close();
  }

  #inOrder(listener: Listener, step: () => unknown): void {
    this.#order = this.#order
      .then(() => (this.#listener === listener ? step() : undefined))
      .catch((error: unknown) => this.#lose(listener, error));
  }

  #hearEcho(listener: Listener, at: Instant): void {
    void this.#told.then(() => {
      if (this.#listener === listener) this.lease.renew(at);
    });
  }

  async #hear(payload: string): Promise<void> {
    const text = unseal(this.#key, payload);
    if (text === undefined) throw new Error("a notification came from somebody who is no node of this database");
    const { write, isLast, changes } = decodeMessage(text);
    if (changes && this.#heard) this.#heard.push(...changes);
    else this.#heard = null;
    if (!isLast) return;
    const heard = this.#heard;
    this.#heard = [];
    const sent = this.#sent.get(write);
    if (sent) this.#publishSent(write, sent);
    else if (heard) this.#publish(await this.#complete(heard));
    else await this.#parts.feed.reset();
  }

  #publish(changes: readonly Change[]): void {
    const listener = this.#listener;
    const told = this.#parts.feed.publish(changes);
    // Who could not take over a change has to begin anew.
    this.#told = Promise.all([this.#told, told.catch((error: unknown) => listener && this.#lose(listener, error))]);
  }

  /** A change of this node; a failure is that of its write. */
  #publishSent(write: string, { changes, done }: Sent): void {
    this.#sent.delete(write);
    const told = this.#parts.feed.publish(changes);
    told.then(done.resolve, done.reject);
    this.#told = Promise.all([this.#told, told.catch(() => {})]);
  }

  /**
   * Over a link that is lost nothing will be heard: the node's own changes take effect here as soon as they are committed. That
   * may be after later ones of others, so everything is read anew when that can be done.
   */
  #publishAhead(write: string, sent: Sent): void {
    this.#isBehind = true;
    this.#publishSent(write, sent);
    if (this.#listener) this.#inOrder(this.#listener, () => this.#parts.feed.reset());
  }

  #settle(): void {
    for (const [write, sent] of this.#sent) if (sent.isCommitted) this.#publishAhead(write, sent);
  }

  /** The rows that were too large to be sent are read; one that is gone by now was deleted. */
  async #complete(changes: readonly SentChange[]): Promise<Change[]> {
    const { tables, now } = this.#parts;
    const complete: Change[] = [];
    for (const { partial, ...change } of changes) {
      const table = tables.get(change.entity);
      // An entity of a plugin that only other nodes have.
      if (!table) continue;
      if (!partial || change.operation === "delete") complete.push(change);
      else {
        const row = await selectRow(this.#options.database, table, { id: change.row.id }, now());
        complete.push(row ? { ...change, row } : { entity: change.entity, operation: "delete", row: change.row });
      }
    }
    return complete;
  }

  #lose(listener: Listener, error: unknown): void {
    if (listener !== this.#listener) return;
    this.#listener = undefined;
    this.#isBehind = true;
    listener.close();
    this.lease.end();
    this.#settle();
    this.#options.onLink?.("lost", error);
    void this.#restore();
  }

  async #restore(): Promise<void> {
    const { signal } = this.#closing;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        await pause(pauseMs, undefined, { signal });
        await this.#open();
      } catch {
        continue;
      }
      this.#options.onLink?.("restored");
      return;
    }
  }
}

/** The key that seals messages, made by the first node of a database. */
async function readKey(database: Executor): Promise<Buffer> {
  const made = randomBytes(32).toString("base64");
  const insert = `INSERT INTO "cluster" ("name", "value") VALUES ('link_key', ?) ON CONFLICT ("name") DO NOTHING`;
  await database.execute(insert, [made]);
  const [row] = await database.execute(`SELECT "value" FROM "cluster" WHERE "name" = 'link_key'`);
  return Buffer.from(String(row?.["value"]), "base64");
}
