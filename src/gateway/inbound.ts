import type { Duplex } from "node:stream";
import type { Headers, ResponseBody } from "../http1/index.ts";
import type { Forwarded } from "./forwarded.ts";

/** Where a request came in: one object per connection. */
export interface Connection {
  /** The peer's address, IPv4 in dotted form even on a dual-stack socket. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: boolean;
  /** The name asked for by SNI; absent without TLS or SNI. */
  readonly serverName?: string;
  /** What its last request says of the client: kept by `addressOf` for itself. */
  forwarded?: Forwarded | undefined;
}

/** How the body of a request is framed; `length` is undefined for chunked and HTTP/2 bodies. */
export type BodyFraming = { readonly kind: "none" } | { readonly kind: "stream"; readonly length: number | undefined };

/** What an engine tells the owner of an exchange: data and end of the body in this order, drain, fault and abort at any time. */
export interface InboundListener {
  /**
   * A piece of the request body, whose bytes are overwritten afterwards; false asks the engine to pause until `resume()`. Absent,
   * as `onEnd`, where the request has no body.
   */
  onData?(chunk: Uint8Array): boolean;
  onEnd?(trailers: Headers | undefined): void;
  /** The response can be written again after a `write` that answered false. */
  onDrain(): void;
  /**
   * The rest of the body cannot be read; nothing more of it comes, and the answer must end the connection. The status says why:
   * 400 when it is malformed, 408 when the client has stopped sending.
   */
  onFault(status: 400 | 408): void;
  /** The client went away before the answer was complete, or takes no more of it. */
  onAbort(): void;
}

/**
 * One request as an HTTP engine read it, and the way to answer it. The gateway knows this interface only, so the engine
 * (`node:http`, later one of our own) is a setting. The body is not read before `resume`.
 */
export interface Inbound {
  readonly connection: Connection;
  readonly method: string;
  /** The request target in origin form (`/path?query`) or `*`, as received. */
  readonly target: string;
  /** Its path is as `normalizePath` gives it, and `escapePath` would leave it so; absent, or false, that is not known. */
  readonly hasPlainPath?: boolean | undefined;
  readonly httpVersion: "1.0" | "1.1" | "2";
  /** Fields as received; `host` is the `:authority` of HTTP/2. */
  readonly headers: Headers;
  readonly framing: BodyFraming;
  /** Whether the connection may serve another request after this one. */
  readonly keepAlive: boolean;
  /**
   * The status (of the server level, SPEC-proxy §6) for what is wrong with the head although it could be read; absent when
   * nothing is. The answer must end the connection.
   */
  readonly fault?: number | undefined;

  /** Who hears of the body, of room to write and of the client's leaving; set before anything is read or written. */
  listener: InboundListener | undefined;
  /** Read the body, which is paused at first; a `100 Continue` that the client waits for is sent at the first call. */
  resume(): void;
  pause(): void;

  /** Send an informational response (103 and the like; never 101). It may be left out, and is where the client takes nothing. */
  inform(status: number, reason: string, headers: Headers): void;
  /**
   * Send the head; framing fields among the headers are obeyed. What the client still sends of its body once the answer is
   * complete is read and dropped by the engine, within bounds.
   */
  head(status: number, reason: string, headers: Headers): void;
  /**
   * The same for a head in the lines of HTTP/1.1, each with the line end before it, which say how this body is framed and
   * what `keepAlive` says; absent in engines that write no such lines.
   */
  headLines?(status: number, reason: string, lines: string, body: ResponseBody): void;
  /**
   * Send a piece of the body, whose bytes may be overwritten afterwards; false means that the client reads slower than we write:
   * wait for `onDrain`.
   */
  write(chunk: Uint8Array): boolean;
  /** The same for Latin-1 text; absent in engines that would make bytes of it. */
  writeText?(text: string): boolean;
  end(chunk?: Uint8Array | string, trailers?: Headers): void;
  /** Answer 101 and hand the connection over; the second value is what the client had already sent. */
  upgrade(status: number, reason: string, headers: Headers): { socket: Duplex; firstBytes: Uint8Array };
  /** Whether the client offered an upgrade that this engine can hand over. */
  readonly canUpgrade: boolean;
  /** Break the connection (HTTP/2: reset the stream): the answer cannot be completed. */
  destroy(): void;
}
