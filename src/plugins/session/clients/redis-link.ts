import type { Redis } from "iovalkey";
import { LRUCache } from "lru-cache";
import type { RedisServer } from "./redis-servers.ts";

/** How old knowledge may be that is used without asking. */
const LEASE_MS = 100;
/** Records of one server that are known at most. */
const MOST_RECORDS = 100_000;
/** The channel of a server's own on which it names keys that have changed. */
const CHANNEL = "__redis__:invalidate";
/** `TTL` is rounded to the nearest second. */
const TTL_ERROR_MS = 500;
/** How long the key stays by which a link proves itself. */
const PROOF_MS = 1_000;

export interface LinkParts {
  readonly server: RedisServer;
  /** What the names of all keys of interest begin with. */
  readonly prefix: string;
  /** A name below the prefix, of a key that the server holds and nobody else has. */
  readonly probe: string;
  /** Hears the name of each key that has changed; undefined when all may have. */
  onChanged(name: string | undefined): void;
}

/**
 * A link to one server, by which it is known which records are still as they were read. It has two connections: the client's,
 * over which records are read, and one that listens, for which the server tracks all keys below a prefix (`CLIENT TRACKING`
 * with `BCAST`, redirected to itself). Whoever changes a key, and if it is the server's clock, its name is heard there.
 *
 * Every 30 ms the listening connection sends a `PING`. When its echo is there, everything is known that was acknowledged
 * to its writer before the `PING` was sent:
 *
 *   A server works in turns: it reads what has come and does it, then queues for those who track the names that changed, then sends.
 *   A writer whose answer left in turn n has its key named in the same turn, before the answer is sent. A `PING` that was sent after
 *   this answer is read in turn n + 1 at the earliest, so its echo is queued behind the name; and the connection keeps the order.
 *   Of keys that change in the very turn of the `PING` the names come behind the echo; but their writers have no answer yet.
 *   (Where a server answers others within one turn, in a script that runs long or while it loads, it refuses `PING`.)
 *
 * So memory may answer for 100 ms after an echoed `PING` was sent. Both clocks must agree: the wall clock can be set, and the
 * monotonic one stands still while a machine sleeps. With each `PING` the other connection is asked for something, too: a node of a
 * cluster that lost its slots says so then.
 *
 * Both connections must lead to the same process. That is proved once, by a key that is written over the one and heard of over the
 * other, and holds as long as neither is closed. A link that is lost is never current again, and with it nothing that was read
 * under it: after a failover everything is asked of the next master once.
 */
export class RedisLink {
  readonly #parts: LinkParts;
  readonly #ear: Redis;
  readonly #records = new LRUCache<string, Held>({ max: MOST_RECORDS, dispose: (held) => held.release() });
  readonly #proof = Promise.withResolvers<void>();
  readonly #loss = Promise.withResolvers<unknown>();
  #stopHearing = () => {};
  #isLost = false;
  #isBeating = false;
  /** When the last `PING` that was echoed was sent. */
  #sentMs = Number.NEGATIVE_INFINITY;
  #sentWallMs = Number.NEGATIVE_INFINITY;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#ear = parts.server.another();
  }

  get server(): RedisServer {
    return this.#parts.server;
  }

  /** Kept with the reason when the link is lost. */
  get lost(): Promise<unknown> {
    return this.#loss.promise;
  }

  /** Rejects when the server cannot be reached, or does not track keys for us. */
  async open(): Promise<void> {
    const { server, prefix, probe } = this.#parts;
    const ear = this.#ear;
    let fault: unknown = new Error("the connection that listens was closed");
    ear.on("error", (error) => (fault = error));
    ear.on("close", () => this.lose(fault));
    this.#stopHearing = server.onClose(() => this.lose(new Error("the connection was closed")));
    try {
      await ear.connect();
      const id = String(await ear.call("CLIENT", "ID"));
      await ear.call("CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", prefix);
      ear.on("messageBuffer", (_channel: Buffer, names: unknown) => this.#hear(names));
      await ear.subscribe(CHANNEL);
      await server.command(["SET", probe, "", "PX", String(PROOF_MS)]);
      await Promise.race([this.#proof.promise, this.lost.then((reason) => Promise.reject(reason))]);
    } catch (error) {
      this.lose(error);
      throw error;
    }
    this.beat();
  }

  /** Ask for an echo, unless one is awaited. To be called regularly. */
  beat(): void {
    if (this.#isBeating || this.#isLost) return;
    this.#isBeating = true;
    const [sentMs, sentWallMs] = [performance.now(), Date.now()];
    Promise.all([this.#ear.ping(), this.server.command(["TTL", this.#parts.probe])]).then(
      () => {
        this.#isBeating = false;
        if (!this.#isLost) [this.#sentMs, this.#sentWallMs] = [sentMs, sentWallMs];
      },
      (error) => this.lose(error),
    );
  }

  /** Whether memory may answer, at this moment of both clocks. */
  isCurrent(nowMs: number, wallMs: number): boolean {
    return nowMs - this.#sentMs < LEASE_MS && wallMs - this.#sentWallMs < LEASE_MS;
  }

  /**
   * A record that is about to be read. Only what is held before the server is asked is known to be heard of when it changes, be
   * it while the answer is on its way.
   */
  hold(name: string): Held {
    let held = this.#records.get(name);
    if (!held) this.#records.set(name, (held = new Held(this)));
    return held;
  }

  held(name: string): Held | undefined {
    return this.#records.get(name);
  }

  forget(name: string): void {
    this.#records.delete(name);
  }

  lose(reason: unknown): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#sentMs = Number.NEGATIVE_INFINITY;
    this.#stopHearing();
    this.#ear.disconnect();
    this.#records.clear();
    this.#loss.resolve(reason);
  }

  /** The names that a message has; it has none when everything was deleted. */
  #hear(names: unknown): void {
    if (this.#isLost) return;
    if (!Array.isArray(names)) {
      this.#records.clear();
      this.#parts.onChanged(undefined);
      return;
    }
    for (const bytes of names) {
      const name = String(bytes);
      if (name === this.#parts.probe) this.#proof.resolve();
      this.#records.delete(name);
      this.#parts.onChanged(name);
    }
  }
}

/** A record whose changes are heard of. Records are written once, under a name of their own: what can change is that they are there. */
export class Held {
  readonly #link: RedisLink;
  #isHeld = true;
  #endsMs = Number.NEGATIVE_INFINITY;
  #endsWallMs = Number.NEGATIVE_INFINITY;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  /** Whether the server has it as it was read, without asking. */
  readonly isStored = (): boolean => {
    if (!this.#isHeld) return false;
    const nowMs = performance.now();
    const wallMs = Date.now();
    return nowMs < this.#endsMs && wallMs < this.#endsWallMs && this.#link.isCurrent(nowMs, wallMs);
  };

  /** It was asked for at this moment, and had so many seconds to live; -1 for no end, -2 when it is gone. */
  lives(seconds: number, askedMs: number, askedWallMs: number): void {
    const leftMs = seconds === -1 ? Number.POSITIVE_INFINITY : seconds * 1000 - TTL_ERROR_MS;
    this.#endsMs = askedMs + leftMs;
    this.#endsWallMs = askedWallMs + leftMs;
  }

  release(): void {
    this.#isHeld = false;
  }
}
