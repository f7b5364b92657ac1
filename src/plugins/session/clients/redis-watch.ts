import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../../gateway/index.ts";
import { type NameAffixes, type RedisClient, recordName } from "../../../session/index.ts";
import { within } from "./connection.ts";
import type { OpenedRedis } from "./redis.ts";
import { RedisLink } from "./redis-link.ts";
import type { RedisServers } from "./redis-servers.ts";

/** How often links are asked for an echo. */
const BEAT_MS = 30;
/** A lost link is made anew after this long, and after twice as long each time that fails. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** A server that does not want to is asked again after this long. */
const REFUSED_PAUSE_MS = 60_000;
/** How long a link may take to open. */
const OPEN_MS = 4_000;
/** Names that are tried for a key of a certain node: one with a single slot is found with near certainty. */
const MOST_NAMES = 200_000;

export interface WatchOptions extends NameAffixes {
  /** The name of the records: only those are watched. */
  readonly name: string;
  readonly log: Log;
}

export interface ChangeEars {
  /** A record, or something else below its name, was changed by whomever. */
  changed(name: string): void;
  /** Changes may have been missed, and from now on none will be. */
  missed(): void;
}

/**
 * A client of Redis that knows which of the records it read are still the same, by a `RedisLink` to each server that holds some.
 * Links are made with the first command, and again and again when they are lost. While there is none, or a server does not want to
 * tell, nothing is known and everything is to be asked for.
 */
export class RedisWatch implements RedisClient {
  readonly #client: OpenedRedis;
  readonly #options: WatchOptions;
  readonly #prefix: string;
  readonly #links = new Map<string, RedisLink>();
  /** The same as a list. */
  #all: readonly RedisLink[] = [];
  /** The servers to which there is a link, or is to be one. */
  readonly #kept = new Set<string>();
  readonly #ears = new Set<ChangeEars>();
  readonly #closing = new AbortController();
  #servers: RedisServers | undefined;
  #beat: NodeJS.Timeout | undefined;
  #isStarted = false;
  #hasWarned = false;

  constructor(client: OpenedRedis, options: WatchOptions) {
    this.#client = client;
    this.#options = options;
    this.#prefix = recordName({ prefix: options.prefix }, options.name, "");
  }

  /** The name of a record of this key. */
  nameOf(key: string): string {
    return recordName(this.#options, this.#options.name, key);
  }

  /** The key in the name of a record; undefined when it is another's. */
  keyOf(name: string): string | undefined {
    const end = this.#options.suffix === undefined ? "" : `:${this.#options.suffix}`;
    return name.startsWith(this.#prefix) && name.endsWith(end)
      ? name.slice(this.#prefix.length, name.length - end.length)
      : undefined;
  }

  /** Connect before the first command does. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#client.servers().then(
      (servers) => {
        if (this.#closing.signal.aborted) return;
        this.#servers = servers;
        this.#beat = setInterval(() => {
          for (const link of this.#all) link.beat();
        }, BEAT_MS).unref();
        servers.onChange(() => this.#keepAll(servers));
        this.#keepAll(servers);
      },
      (error) => this.#warn(error),
    );
  }

  async command(args: readonly string[]): Promise<unknown> {
    this.start();
    const [verb, name = ""] = args;
    if (verb === "GET" && name.startsWith(this.#prefix)) return this.#read(name);
    try {
      return await this.#client.command(args);
    } finally {
      // What this process has changed it knows at once, even before it hears of it.
      if (verb !== "TTL") for (const link of this.#all) link.forget(name);
    }
  }

  /**
   * Tells later, again and again, whether the record that was just read is still the same. Undefined when that would have to be
   * asked of the server.
   */
  watch(key: string): (() => boolean) | undefined {
    const name = this.nameOf(key);
    const held = this.#linkOf(name)?.held(name);
    return held?.isStored() ? held.isStored : undefined;
  }

  /** Whether every change of any record that was acknowledged until 100 ms ago has been heard of. */
  isCurrent(): boolean {
    const nowMs = performance.now();
    const wallMs = Date.now();
    if (this.#all.length === 0 || this.#all.length !== this.#kept.size) return false;
    for (let i = 0; i < this.#all.length; i++) if (!this.#all[i]!.isCurrent(nowMs, wallMs)) return false;
    return true;
  }

  follow(ears: ChangeEars): void {
    this.#ears.add(ears);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#beat);
    for (const link of this.#all) link.lose(new Error("closed"));
    await this.#client.close();
  }

  async #read(name: string): Promise<unknown> {
    const link = this.#linkOf(name);
    const nowMs = performance.now();
    const wallMs = Date.now();
    if (!link?.isCurrent(nowMs, wallMs)) return this.#client.command(["GET", name]);
    const held = link.hold(name);
    try {
      const ask = (verb: string) => link.server.command([verb, name]);
      const [value, ttl] = await Promise.all([ask("GET"), ask("TTL")]);
      if (value === null) link.forget(name);
      else held.lives(Number(ttl), nowMs, wallMs);
      return value;
    } catch (error) {
      link.forget(name);
      // A node of a cluster that does not hold the key: the client finds the one that does.
      if (link.server.id === "") throw error;
      return this.#client.command(["GET", name]);
    }
  }

  #linkOf(name: string): RedisLink | undefined {
    const id = this.#servers?.idOf(name);
    return id === undefined ? undefined : this.#links.get(id);
  }

  #setLink(id: string, link: RedisLink | undefined): void {
    if (link) this.#links.set(id, link);
    else this.#links.delete(id);
    this.#all = [...this.#links.values()];
  }

  #keepAll(servers: RedisServers): void {
    const ids = servers.ids();
    for (const [id, link] of this.#links) if (!ids.has(id)) link.lose(new Error(`${id} holds no keys any more`));
    for (const id of ids) {
      if (this.#kept.has(id)) continue;
      this.#kept.add(id);
      void this.#keep(servers, id).finally(() => this.#kept.delete(id));
    }
  }

  /** Have a link to a server as long as it is one of ours. */
  async #keep(servers: RedisServers, id: string): Promise<void> {
    const { signal } = this.#closing;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (!servers.ids().has(id)) return;
      let reason: unknown;
      try {
        const link = await this.#open(servers, id);
        pauseMs = FIRST_PAUSE_MS;
        reason = await link.lost;
      } catch (error) {
        reason = error;
      }
      this.#setLink(id, undefined);
      if (signal.aborted) return;
      this.#warn(reason);
      await pause(isRefusal(reason) ? REFUSED_PAUSE_MS : pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #open(servers: RedisServers, id: string): Promise<RedisLink> {
    const server = servers.get(id);
    if (!server) throw new Error(`${id} is out of reach`);
    const link = new RedisLink({
      server,
      prefix: this.#prefix,
      probe: this.#probeFor(servers, id),
      onChanged: (name) => {
        for (const ears of this.#ears) {
          if (name === undefined) ears.missed();
          else ears.changed(name);
        }
      },
    });
    try {
      await within(OPEN_MS, link.open(), "a link to Redis");
    } catch (error) {
      link.lose(error);
      throw error;
    }
    this.#setLink(id, link);
    for (const ears of this.#ears) ears.missed();
    if (this.#hasWarned) this.#options.log.notice("changes in Redis are heard of again");
    this.#hasWarned = false;
    return link;
  }

  #probeFor(servers: RedisServers, id: string): string {
    for (let i = 0; i < MOST_NAMES; i++) {
      const name = this.nameOf(`sesame@link:${randomUUID()}`);
      if (servers.idOf(name) === id) return name;
    }
    throw new Error(`${id} holds no keys`);
  }

  #warn(error: unknown): void {
    if (this.#hasWarned || this.#closing.signal.aborted) return;
    this.#hasWarned = true;
    this.#options.log.warn("changes in Redis are not heard of: it is asked for each request", { error });
  }
}

/** Whether the server said no, and not that it is out of order. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError" && /^(?:ERR|NOPERM) /.test(error.message);
}
