import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { LRUCache } from "lru-cache";
import type { Awaitable } from "../schema/index.ts";

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
  /** Seconds an answer is used, whatever its own TTL says. */
  readonly validTtl?: number | undefined;
  /** Seconds an expired answer may still serve while (or because) it cannot be renewed. */
  readonly staleTtl?: number;
  /** Seconds for which "no such name" is believed. */
  readonly notFoundTtl?: number;
  readonly now?: () => number;
}

interface Answer {
  readonly addresses: readonly string[];
  readonly expires: number;
  turn: number;
  renewal: Promise<Answer> | undefined;
}

/** What the hosts file and other sources of the system say has no TTL of its own. */
const SYSTEM_TTL = 30;
const MAX_NAMES = 10_000;

/**
 * Resolves by DNS (A and AAAA, each for its TTL) what the hosts file does not know. Of several callers asking for one name
 * at the same time one asks the server. An expired answer serves for `staleTtl` while a new one is fetched.
 */
export function createResolver(options: ResolverOptions = {}): NameResolver {
  const { servers = [], validTtl, staleTtl = 3600, notFoundTtl = 1, now = () => Date.now() / 1000 } = options;
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const answers = new LRUCache<string, Answer>({ max: MAX_NAMES });
  const pending = new Map<string, Promise<Answer>>();

  async function query(host: string): Promise<Answer> {
    const found = await ask(resolver, host);
    const ttl = found.addresses.length === 0 ? notFoundTtl : (validTtl ?? Math.max(1, found.ttl));
    const answer: Answer = { addresses: found.addresses, expires: now() + ttl, turn: 0, renewal: undefined };
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

  function rotate(host: string, answer: Answer): readonly string[] {
    const { addresses } = answer;
    if (addresses.length === 0) throw new NameError(host);
    if (addresses.length === 1) return addresses;
    const start = answer.turn++ % addresses.length;
    return [...addresses.slice(start), ...addresses.slice(0, start)];
  }

  return {
    resolve(host) {
      if (isIP(host)) return [host];
      const answer = answers.get(host);
      const time = now();
      if (answer && time < answer.expires) return rotate(host, answer);
      if (answer && answer.addresses.length > 0 && time < answer.expires + staleTtl) {
        queryOnce(host).catch(() => undefined);
        return rotate(host, answer);
      }
      return queryOnce(host).then((fresh) => rotate(host, fresh));
    },
  };
}

/** Both address families by DNS, then the system's own lookup (hosts file, mDNS …) for what DNS does not know. */
async function ask(resolver: Resolver, host: string): Promise<{ addresses: string[]; ttl: number }> {
  if (host.includes(".") && !host.endsWith(".localhost")) {
    const records = await Promise.all([
      resolver.resolve4(host, { ttl: true }).catch(() => []),
      resolver.resolve6(host, { ttl: true }).catch(() => []),
    ]);
    const all = records.flat();
    if (all.length > 0) return { addresses: all.map((r) => r.address), ttl: Math.min(...all.map((r) => r.ttl)) };
  }
  const found = await lookup(host, { all: true }).catch(() => []);
  return { addresses: found.map((entry) => entry.address), ttl: SYSTEM_TTL };
}
