import type { Duplex } from "node:stream";
import type { UpstreamError } from "./errors.ts";
import type { Framing } from "./framing.ts";
import type { Headers } from "./headers.ts";
import type { HeadLimits } from "./limits.ts";

/** Where to connect. Connections are shared among requests whose origins have the same `key`. */
export interface Origin {
  /** Must differ where host, port or any TLS option differs. */
  readonly key: string;
  /** The address to connect to: an IP address, or a name that the system resolves. */
  readonly host: string;
  readonly port: number;
  readonly tls?: OriginTls;
}

export interface OriginTls {
  /** Sent as SNI (unless it is an IP address) and compared with the certificate. */
  readonly servername: string;
  readonly rejectUnauthorized: boolean;
  /** PEM; absent means the authorities that Node trusts. */
  readonly ca?: string | string[];
  /** PEM, the client's own certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
}

/**
 * The body of a request: none, all of it, or written piece by piece with `exchange.write` and `exchange.end`. With
 * `encoded`, the pieces are chunks already (as `rawChunks` delivers them) and only the last one is added by `end`.
 */
export type UpstreamBody =
  | undefined
  | Uint8Array
  | { readonly length: number }
  | { readonly chunked: true; readonly encoded?: boolean };

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /**
   * What stands behind the target: `REQUEST_VERSION`, and before `headers` perhaps more fields as lines that were checked, each with the
   * line end before it; no framing field. Only the version when absent.
   */
  readonly lead?: string;
  /** With `lead` complete. Content-Length or Transfer-Encoding is added if it is absent, and must fit the body if it is there. */
  readonly headers: Headers;
  readonly body: UpstreamBody;
  readonly connectTimeoutMs: number;
  /** Between two successive writes that the upstream takes. */
  readonly writeTimeoutMs: number;
  /** Between two successive reads, counted from the moment the request is sent. */
  readonly readTimeoutMs: number;
  /** Deliver a chunked answer as chunks, undecoded and without extensions; the last chunk and the trailers are not part of it. */
  readonly rawChunks?: boolean;
}

/**
 * Who hears about an exchange. Nothing is called before `request` has returned. Exactly one of `onEnd`, `onUpgrade` and
 * `onError` ends the exchange, except after `abort()`: then nothing more is called.
 */
export interface UpstreamHandler {
  /** A new connection is open, its TLS handshake done; not called when a pooled one is used. */
  onConnect?(): void;
  /** An answer of class 1xx, but not 101. */
  onInformational(status: number, reason: string, headers: Headers): void;
  onHead(status: number, reason: string, headers: Headers, httpVersion: "1.0" | "1.1", body: ResponseBody): void;
  /**
   * A piece of the body, whose bytes are overwritten afterwards. False asks to pause until `exchange.resume()`; what was already
   * read is still delivered.
   */
  onBody(chunk: Uint8Array): boolean;
  /** The whole of a short body that has come with its head, as Latin-1 text; absent: it comes as other bodies do. */
  onBodyText?(text: string): boolean;
  onEnd(trailers: Headers | undefined): void;
  /**
   * The upstream answered 101: the connection is the caller's, paused and without a timeout. Should it break before the caller
   * listens to `error`, it is just destroyed.
   */
  onUpgrade(socket: Duplex, firstBytes: Uint8Array, status: number, reason: string, headers: Headers): void;
  onError(error: UpstreamError): void;
  /** More can be written after a `write` that answered false. */
  onDrain(): void;
}

/** How the body of an answer is delimited. With `none` or `length`, the caller can pass the answer's own framing fields on. */
export type ResponseBody = Framing;

/** One request and its answer, from the side of who sent it. */
export interface UpstreamExchange {
  /** The connection is not open yet. Pieces written now are kept, and lost when it cannot be opened. */
  readonly connecting: boolean;
  /** Whether pieces of the body are still taken. False after `end`, or once the upstream's answer has made the rest pointless. */
  readonly writable: boolean;
  /**
   * False means wait for `onDrain`. When not `writable`, the piece is dropped. Throws when it exceeds the announced length. The
   * bytes may be overwritten afterwards.
   */
  write(chunk: Uint8Array): boolean;
  /** The body is complete; trailers only with a chunked one. Throws when the announced length was not reached. */
  end(trailers?: Headers): void;
  pause(): void;
  resume(): void;
  /** Close the connection at once. Does nothing when the exchange has ended. */
  abort(): void;
}

export interface PoolOptions {
  /** Default 512. */
  readonly maxIdlePerOrigin?: number;
  /** Default 10000. */
  readonly maxRequestsPerConnection?: number;
  /** Default 60000. */
  readonly idleTimeoutMs?: number;
  /** Of an answer's head, and of its trailers. */
  readonly limits?: HeadLimits;
}

export interface PoolStats {
  readonly idle: number;
  readonly active: number;
  /** Connections opened since the start. */
  readonly opened: number;
  /** Requests that found a pooled connection. */
  readonly reused: number;
}

export interface Pool {
  /**
   * Throws HttpMessageError when the request cannot be written as HTTP (method, target, framing fields), and UpstreamError when
   * the pool is closed or the origin's certificates cannot be read (ERR_UPSTREAM_POOL_CLOSED, ERR_UPSTREAM_TLS).
   */
  request(origin: Origin, request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange;
  /** Close idle connections now and the others after their exchange; later requests fail. Resolves when none is left. */
  close(): Promise<void>;
  /** Close all connections now; running exchanges fail with ERR_UPSTREAM_POOL_CLOSED. */
  destroy(): void;
  stats(): PoolStats;
}
