import { isIP } from "node:net";
import { type ConnectionOptions, checkServerIdentity, createSecureContext } from "node:tls";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { UpstreamError } from "./errors.ts";
import { requestHead } from "./exchange.ts";
import { defaultLimits, type HeadLimits } from "./limits.ts";
import type {
  Origin,
  OriginTls,
  Pool,
  PoolOptions,
  PoolStats,
  UpstreamExchange,
  UpstreamHandler,
  UpstreamRequest,
} from "./upstream.ts";

/** What is kept per origin, as long as it has a connection. */
interface OriginState {
  readonly key: string;
  readonly tls: ConnectionOptions | undefined;
  /** The one used last is at the end, and is used first. */
  readonly idle: Connection[];
  connections: number;
}

/** Parsed once per origin, as reading PEM takes longer than a request. */
function tlsOptions({ servername, rejectUnauthorized, ca, cert, key }: OriginTls): ConnectionOptions {
  return {
    // An IP address cannot be sent as SNI; the certificate is compared with it all the same.
    servername: isIP(servername) === 0 ? servername : "",
    checkServerIdentity: (_host, certificate) => checkServerIdentity(servername, certificate),
    rejectUnauthorized,
    secureContext: createSecureContext({ ca, cert, key }),
  };
}

const nothingSent = { phase: "connect", reused: false, bodyBytesSent: 0, responseStarted: false } as const;

class ConnectionPool implements Pool, ConnectionOwner {
  readonly limits: HeadLimits;
  readonly #maxIdle: number;
  readonly #maxRequests: number;
  readonly #idleTimeoutMs: number;
  readonly #origins = new Map<string, OriginState>();
  readonly #connections = new Set<Connection>();
  /** Resolved once the pool is closed and no connection is left. */
  readonly #closing = Promise.withResolvers<void>();
  #last: OriginState | undefined;
  #closed = false;
  #opened = 0;
  #reused = 0;

  constructor(options: PoolOptions) {
    this.limits = options.limits ?? defaultLimits;
    this.#maxIdle = options.maxIdlePerOrigin ?? 512;
    this.#maxRequests = options.maxRequestsPerConnection ?? 10_000;
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 60_000;
  }

  request(origin: Origin, request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange {
    if (this.#closed) throw new UpstreamError("ERR_UPSTREAM_POOL_CLOSED", nothingSent);
    const head = requestHead(request);
    const connection = this.#idleConnection(origin.key) ?? this.#open(origin);
    return connection.begin(request, head, handler);
  }

  #idleConnection(key: string): Connection | undefined {
    const idle = this.#stateOf(key)?.idle;
    let connection = idle?.pop();
    while (connection?.isDestroyed) connection = idle?.pop();
    if (connection !== undefined) this.#reused += 1;
    return connection;
  }

  /** Most requests go where the one before went. */
  #stateOf(key: string): OriginState | undefined {
    if (this.#last === undefined || this.#last.key !== key) this.#last = this.#origins.get(key);
    return this.#last;
  }

  #open(origin: Origin): Connection {
    const state = this.#origins.get(origin.key) ?? this.#register(origin);
    const connection = new Connection(origin, state.tls, this);
    state.connections += 1;
    this.#connections.add(connection);
    this.#opened += 1;
    return connection;
  }

  #register(origin: Origin): OriginState {
    try {
      const tls = origin.tls === undefined ? undefined : tlsOptions(origin.tls);
      const state = { key: origin.key, tls, idle: [], connections: 0 };
      this.#origins.set(origin.key, state);
      return state;
    } catch (error) {
      throw new UpstreamError("ERR_UPSTREAM_TLS", nothingSent, error);
    }
  }

  released(connection: Connection): void {
    const idle = this.#stateOf(connection.key)?.idle;
    if (idle === undefined || this.#closed || connection.requests >= this.#maxRequests) {
      connection.destroy();
      return;
    }
    idle.push(connection);
    connection.expireIn(this.#idleTimeoutMs);
    if (idle.length > this.#maxIdle) idle.shift()!.destroy();
  }

  closed(connection: Connection): void {
    const state = this.#origins.get(connection.key);
    if (!this.#connections.delete(connection) || state === undefined) return;
    state.connections -= 1;
    if (state.connections === 0) {
      this.#origins.delete(connection.key);
      this.#last = undefined;
    } else removeFrom(state.idle, connection);
    if (this.#closed && this.#connections.size === 0) this.#closing.resolve();
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const { idle } of this.#origins.values()) for (const connection of idle.splice(0)) connection.destroy();
    if (this.#connections.size === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  destroy(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.fail("ERR_UPSTREAM_POOL_CLOSED");
  }

  stats(): PoolStats {
    let idle = 0;
    for (const state of this.#origins.values()) for (const { isDestroyed } of state.idle) idle += isDestroyed ? 0 : 1;
    return { idle, active: this.#connections.size - idle, opened: this.#opened, reused: this.#reused };
  }
}

function removeFrom<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}

/** A pool of keep-alive connections; close it in the end. Its timers keep no process alive. */
export function createPool(options: PoolOptions = {}): Pool {
  return new ConnectionPool(options);
}
