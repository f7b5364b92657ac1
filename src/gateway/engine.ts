import type { SecureContextOptions } from "node:tls";
import type { Inbound } from "./inbound.ts";

/** Where an engine listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly tls: boolean;
  readonly http2: boolean;
  /** Length of the queue of connections not yet accepted; Node's default when absent. */
  readonly backlog?: number | undefined;
}

export interface EngineOptions {
  /** Serve one request. */
  handle(inbound: Inbound): void;
  /** The whole HTTP/1.1 answer to bytes that are no request (its status among the server-level errors of SPEC-proxy §6). */
  badRequest(status: number): string;
  /** Connections are refused, as there are too many: so many since the start. Called once a second at most. */
  onRefused(total: number): void;
  /** Certificate and key of TLS listeners. */
  readonly tls?: SecureContextOptions;
  readonly limits: EngineLimits;
}

export interface EngineLimits {
  /** Connections of clients that may be open at once; more are closed at once. */
  readonly connections: number;
  /** Bytes of a whole head, and of one line in it; number of fields. */
  readonly head: number;
  readonly line: number;
  readonly fields: number;
  /** Milliseconds for a whole head; between two pieces of a body; between two requests on one connection. */
  readonly headerTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** The inbound side of the gateway. */
export interface Engine {
  /** Open a listener; resolves with the port. Rejects with the system's error when it cannot be had. */
  listen(address: ListenAddress): Promise<number>;
  /**
   * Stop accepting; connections end with their current request. Resolves when all have, or after `graceMs`, when the rest is
   * cut off.
   */
  close(graceMs: number): Promise<void>;
  /** Connections: open now; accepted since the start, and those of them that were closed at once, being too many. */
  readonly statistics: { readonly connections: number; readonly accepted: number; readonly refused: number };
}
