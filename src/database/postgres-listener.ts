import { randomUUID } from "node:crypto";
import type { Client } from "pg";
import type { Instant } from "../entities/index.ts";
import { instant } from "./lease.ts";
import { quote } from "./sql.ts";

/** The channel of all nodes on one schema, as SQL; names of channels have 63 bytes at most. */
export const CHANNEL = `'sesame_' || left(encode(sha256(convert_to(current_schema(), 'UTF8')), 'hex'), 32)`;

/** So many beats without an echo, and the connection is taken for lost. A process that was stopped counts none. */
const MAX_MISSED = 66;

export interface ListenerEvents {
  /** A notification of any node, in the order of the commits. */
  onMessage(payload: string): void;
  /** All notifications of what was committed before this moment have been heard. */
  onEcho(at: Instant): void;
  /** Called once, and then nothing more. */
  onLost(error: unknown): void;
}

/**
 * One connection that listens. PostgreSQL keeps notifications in one queue, in the order of the commits: when a node hears
 * its own, it has heard everything that was committed before it sent that.
 */
export class Listener {
  readonly #client: Client;
  readonly #events: ListenerEvents;
  readonly #echoChannel = `sesame_echo_${randomUUID()}`;
  #isLost = false;
  #beats = 0;
  /** The beat that is under way. */
  #awaited: { readonly number: string; readonly at: Instant } | undefined;
  #missed = 0;

  constructor(client: Client, events: ListenerEvents) {
    this.#client = client;
    this.#events = events;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Rejects when the database is out of reach. */
  async open(): Promise<void> {
    const client = this.#client;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("the connection was closed")));
    client.on("notification", ({ channel, payload = "" }) => {
      if (this.#isLost) return;
      if (channel === this.#echoChannel) this.#hearEcho(payload);
      else this.#events.onMessage(payload);
    });
    await client.connect();
    // Beats need not outlive the server.
    await client.query("SET synchronous_commit = off");
    const { rows } = await client.query(`SELECT ${CHANNEL} AS channel`);
    await client.query(`LISTEN ${quote(rows[0].channel)}`);
    await client.query(`LISTEN ${quote(this.#echoChannel)}`);
  }

  /** Ask for an echo, unless one is awaited. To be called regularly. */
  beat(): void {
    if (this.#awaited) {
      if (++this.#missed > MAX_MISSED) this.#lose(new Error("the database does not answer"));
      return;
    }
    this.#missed = 0;
    this.#awaited = { number: String(++this.#beats), at: instant() };
    const values = [this.#echoChannel, this.#awaited.number];
    this.#client
      .query({ name: "beat", text: "SELECT pg_notify($1, $2)", values })
      .catch((error: unknown) => this.#lose(error));
  }

  #hearEcho(number: string): void {
    const awaited = this.#awaited;
    if (awaited?.number !== number) return;
    this.#awaited = undefined;
    this.#events.onEcho(awaited.at);
  }

  #lose(error: unknown): void {
    if (this.#isLost) return;
    this.close();
    this.#events.onLost(error);
  }

  /** Hear nothing more. */
  close(): void {
    this.#isLost = true;
    this.#client.end().catch(() => {});
  }
}
