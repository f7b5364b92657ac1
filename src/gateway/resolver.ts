import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { LRUCache } from "lru-cache";
import type { Awaitable } from "../schema/index.ts";
import { readHosts } from "./hosts-file.ts";

/** The addresses of a name, in an order that changes from call to call; an IP address is its own answer. */
export interface NameResolver {
  /** Throws `NameError` when there are none. */
  resolve(host: string): Awaitable<readonly string[]>;
}

/** No address could be found for a name. */
export class NameError extends Error {
  readonly code = "ERR_NAME_RESOLUTION";

  constructor(host: string, cause?: unknown) {
    super(`no address for ${host}`, { cause });
    this.name = "NameError";
  }
}

export interface ResolverOptions {
  /** Name servers as `address[:port]`; the system's when empty. */
  readonly servers?: readonly string[];
  /** Path of the hosts file, which is read once. */
  readonly hostsFile?: string;
  /** Seconds an answer is used, whatever its own TTL says. */
  readonly validTtl?: number | undefined;
  /** Seconds an expired answer may still serve while (or because) it cannot be renewed. */
  readonly staleTtl?: number;
  /** Seconds for which "no such name" is believed, and for which a server that failed is left alone. */
  readonly notFoundTtl?: number;
  /** Milliseconds that a name server has for each of two tries. */
  readonly timeoutMs?: number;
  readonly now?: () => number;
}

interface Answer {
  /** None: there is no such name. */
  readonly addresses: readonly string[];
  /** When it is to be asked for again. */
  expires: number;
  /** Until when it may serve although expired. */
  readonly stale: number;
  turn: number;
}

/** What the system knows from other sources than DNS has no TTL of its own. */
const SYSTEM_TTL = 30;
const MAX_NAMES = 10_000;

/**
 * Resolves by the hosts file, then by DNS (A, and AAAA for names without), each answer for its TTL. Of several callers asking
 * for one name at the same time one asks the server. An expired answer serves for `staleTtl` while a new one is fetched, and
 * when the servers fail.
 */
export function createResolver(options: ResolverOptions = {}): NameResolver {
  const { servers = [], hostsFile = "/etc/hosts", timeoutMs = 2000, now = () => Date.now() / 1000 } = options;
  const { validTtl, staleTtl = 3600, notFoundTtl = 1 } = options;
  const hosts = readHosts(hostsFile);
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const ask = servers.length > 0 ? askDns : askSystem;
  const answers = new LRUCache<string, Answer>({ max: MAX_NAMES });
  const pending = new Map<string, Promise<Answer>>();

  async function query(host: string): Promise<Answer> {
    const found = await ask(resolver, host);
    const time = now();
    const last = answers.get(host);
    if (found === undefined && last && last.addresses.length > 0 && time < last.stale) {
      last.expires = time + notFoundTtl;
      return last;
    }
    const { addresses, ttl } = found ?? NOT_FOUND;
    const expires = time + (addresses.length === 0 ? notFoundTtl : (validTtl ?? Math.max(1, ttl)));
    const answer: Answer = { addresses, expires, stale: expires + staleTtl, turn: 0 };
    answers.set(host, answer);
    return answer;
  }

  function queryOnce(host: string): Promise<Answer> {
    let promise = pending.get(host);
    if (!promise) {
      promise = query(host).finally(() => pending.delete(host));
      pending.set(host, promise);
    }
    return promise;
  }

  function fromHosts(host: string): Answer | undefined {
    const addresses = hosts.get(host.toLowerCase());
    if (!addresses) return undefined;
    const forever = Number.POSITIVE_INFINITY;
    const answer: Answer = { addresses, expires: forever, stale: forever, turn: 0 };
    answers.set(host, answer);
    return answer;
  }

  return {
    resolve(host) {
      if (isIP(host)) return [host];
      const answer = answers.get(host) ?? fromHosts(host);
      if (!answer) return queryOnce(host).then((fresh) => rotate(host, fresh));
      const time = now();
      if (time < answer.expires) return rotate(host, answer);
      const fresh = queryOnce(host);
      if (answer.addresses.length > 0 && time < answer.stale) return rotate(host, answer);
      return fresh.then((found) => rotate(host, found));
    },
  };
}

function rotate(host: string, answer: Answer): readonly string[] {
  const { addresses } = answer;
  if (addresses.length === 0) throw new NameError(host);
  if (addresses.length === 1) return addresses;
  const start = answer.turn++ % addresses.length;
  return [...addresses.slice(start), ...addresses.slice(0, start)];
}

interface Found {
  readonly addresses: string[];
  readonly ttl: number;
}

const NOT_FOUND: Found = { addresses: [], ttl: 0 };

/** What the name servers say; undefined when they say nothing that can be relied on. */
async function askDns(resolver: Resolver, host: string): Promise<Found | undefined> {
  try {
    const records =
      (await recordsOf(() => resolver.resolve4(host, { ttl: true }))) ??
      (await recordsOf(() => resolver.resolve6(host, { ttl: true })));
    if (!records) return NOT_FOUND;
    return {
      addresses: records.map((record) => record.address),
      ttl: Math.min(...records.map((record) => record.ttl)),
    };
  } catch {
    return undefined;
  }
}

/** Undefined when there are none; throws when it could not be found out. */
async function recordsOf<R>(ask: () => Promise<R[]>): Promise<R[] | undefined> {
  try {
    const records = await ask();
    return records.length > 0 ? records : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENODATA" || code === "ENOTFOUND" || code === "EBADNAME") return undefined;
    throw error;
  }
}

/** DNS, then whatever else the system asks (search domains, mDNS …), and that alone for names without a dot. */
async function askSystem(resolver: Resolver, host: string): Promise<Found | undefined> {
  const byDns = host.includes(".") && !host.endsWith(".localhost") ? await askDns(resolver, host) : NOT_FOUND;
  if (byDns && byDns.addresses.length > 0) return byDns;
  try {
    const found = await lookup(host, { all: true, order: "ipv4first" });
    const family = found[0]?.family;
    return {
      addresses: found.filter((entry) => entry.family === family).map((entry) => entry.address),
      ttl: SYSTEM_TTL,
    };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTFOUND" ? (byDns ?? undefined) : undefined;
  }
}
