import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { BodyReader, type BodySink } from "./body-reader.ts";
import { HttpMessageError, UpstreamError, type UpstreamErrorCode } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import { keepsAlive, responseFraming } from "./framing.ts";
import { type Read, type ResponseHead, restOf, restTextOf } from "./head.ts";
import { type HeadHolder, type HeadReader, readHead, responseHeads } from "./head-reader.ts";
import type { Headers } from "./headers.ts";
import type { HeadLimits } from "./limits.ts";
import type { Origin, UpstreamHandler, UpstreamRequest } from "./upstream.ts";
import { Wire } from "./wire.ts";

/** The pool, as its connections see it. */
export interface ConnectionOwner {
  readonly limits: HeadLimits;
  /** An exchange has ended and the connection can carry another one: keep it or destroy it. */
  released(connection: Connection): void;
  /** The connection is gone, or was handed over. */
  closed(connection: Connection): void;
}

/**
 * A connection to an upstream, which carries one exchange at a time. The deadline serves connecting, writing, reading and lying idle,
 * as only one of them is waited for at any time.
 */
export class Connection extends Wire implements BodySink, HeadHolder {
  readonly key: string;
  /** The TCP connection, or over it the TLS session, is not established yet. */
  connecting = true;
  /** It was broken off here; a pooled one like that is not used. */
  isDestroyed = false;
  /** Exchanges carried, the running one included. */
  requests = 0;
  exchange: Exchange | undefined;
  heldHead: HeadReader | undefined;
  readonly #owner: ConnectionOwner;
  /** What is being read of an answer's body that did not come with its head. */
  #body: BodyReader | undefined;
  #awaited: UpstreamErrorCode = "ERR_UPSTREAM_CONNECT_TIMEOUT";
  #handshaking = false;

  /** `tls`: the options of its TLS session; absent for plain TCP. */
  constructor(origin: Origin, tls: ConnectionOptions | undefined, owner: ConnectionOwner) {
    const { host, port } = origin;
    super(tls === undefined ? { to: { host, port } } : { socket: connectTls({ ...tls, host, port }), isPlain: false });
    this.key = origin.key;
    this.#owner = owner;
    // What is written before the connection is open waits here: over TLS, nothing may leave before the certificate was verified.
    this.socket.cork();
    if (tls !== undefined) this.socket.once("connect", () => (this.#handshaking = true));
    this.socket.once(tls === undefined ? "connect" : "secureConnect", () => this.#opened());
  }

  /** Nothing of the running exchange has left. */
  get isUnsent(): boolean {
    return this.connecting || !this.hasWritten;
  }

  /** Begin an exchange with the head of its request; the connection must be new or idle. */
  begin(request: UpstreamRequest, head: string, handler: UpstreamHandler): Exchange {
    this.requests += 1;
    const exchange = new Exchange(this, request, handler, this.requests > 1);
    this.exchange = exchange;
    this.hasWritten = false;
    exchange.start(head);
    if (this.connecting) this.expireIn(request.connectTimeoutMs);
    else this.watch();
    return exchange;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.socket.destroy();
  }

  /** Destroy the connection without a word to the exchange. */
  abandon(): void {
    this.exchange = undefined;
    this.destroy();
  }

  /** Destroy the connection and tell the exchange why. */
  fail(code: UpstreamErrorCode, cause?: unknown): void {
    const { exchange } = this;
    if (exchange === undefined) {
      this.destroy();
      return;
    }
    const error = new UpstreamError(code, exchange.facts, cause);
    this.abandon();
    exchange.handler.onError(error);
  }

  /** Set the deadline for what the exchange waits for now: the upstream to read, the upstream to write, or none of them. */
  watch(): void {
    const { exchange } = this;
    if (exchange === undefined || this.connecting) return;
    if (!exchange.headDelivered && this.isBlocked) {
      this.#awaited = "ERR_UPSTREAM_WRITE_TIMEOUT";
      this.expireIn(exchange.request.writeTimeoutMs);
    } else if (exchange.paused || (exchange.sending && !exchange.headDelivered)) {
      this.neverExpire();
    } else {
      this.#awaited = "ERR_UPSTREAM_READ_TIMEOUT";
      this.expireIn(exchange.request.readTimeoutMs);
    }
  }

  protected blocked(): void {
    this.watch();
  }

  protected expired(): void {
    this.fail(this.connecting ? "ERR_UPSTREAM_CONNECT_TIMEOUT" : this.#awaited);
  }

  #opened(): void {
    this.connecting = false;
    this.socket.setNoDelay(true);
    this.socket.uncork();
    this.exchange?.handler.onConnect?.();
    this.watch();
  }

  protected drained(): void {
    this.exchange?.drained();
    this.watch();
  }

  received(chunk: Buffer): void {
    const { exchange } = this;
    if (exchange === undefined) {
      this.destroy();
      return;
    }
    if (this.isUnsent) {
      // An answer to a request that has not left is for nobody, as are all bytes on an idle connection.
      this.fail("ERR_UPSTREAM_RESET");
      return;
    }
    exchange.responseStarted = true;
    let rest = chunk;
    if (this.#body === undefined) {
      const head = this.#readHeads(exchange, chunk);
      if (head === undefined || this.exchange !== exchange || this.#readText(exchange, head)) return;
      this.#body = new BodyReader(this.#owner.limits, exchange.framing!, exchange.request.rawChunks);
      rest = restOf(head);
    }
    const body = this.#body;
    let used: number;
    try {
      used = body.read(rest, this);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (this.exchange !== exchange) return;
    if (body.done) this.#finish(exchange, used < rest.length, body.trailers);
    else this.watch();
  }

  /** A short body has come with its head, as most do; false when it is to be read. */
  #readText(exchange: Exchange, head: Read<ResponseHead>): boolean {
    const { handler, framing } = exchange;
    if (handler.onBodyText === undefined || framing?.kind !== "length" || framing.length === 0) return false;
    const text = restTextOf(head, framing.length);
    if (text === undefined) return false;
    if (!handler.onBodyText(text)) exchange.pause();
    if (this.exchange === exchange) this.#finish(exchange, false);
    return true;
  }

  onBodyBytes(bytes: Uint8Array): void {
    const { exchange } = this;
    if (exchange !== undefined && !exchange.handler.onBody(bytes)) exchange.pause();
  }

  /** Informational answers and the final head; undefined when that has not come. */
  #readHeads(exchange: Exchange, chunk: Buffer): Read<ResponseHead> | undefined {
    let rest = chunk;
    while (rest.length > 0 && this.exchange === exchange) {
      const head = this.#readHead(exchange, rest);
      if (head === undefined) break;
      if (head.status >= 200) {
        this.#deliverHead(exchange, head);
        return head;
      }
      rest = restOf(head);
      if (head.status === 101) {
        this.#handOver(exchange, head, rest);
        return undefined;
      }
      exchange.handler.onInformational(head.status, head.reason, head.headers);
    }
    this.watch();
    return undefined;
  }

  /** One head; undefined while it is incomplete, and when it is invalid, which fails the exchange. */
  #readHead(exchange: Exchange, chunk: Buffer): Read<ResponseHead> | undefined {
    try {
      const head = readHead(responseHeads, this.#owner.limits, this, chunk);
      if (head === undefined) return undefined;
      if (head.status === 101 && exchange.sending) throw new HttpMessageError("ERR_HTTP_STATUS_LINE");
      exchange.framing = responseFraming(exchange.request.method, head);
      return head;
    } catch (error) {
      this.#refuse(error);
      return undefined;
    }
  }

  #deliverHead(exchange: Exchange, head: ResponseHead): void {
    const { status, reason, headers, version } = head;
    const framing = exchange.framing!;
    exchange.keepAlive = framing.kind !== "close" && keepsAlive(version, headers);
    exchange.headDelivered = true;
    // An upstream that refuses does not want the rest of the body (RFC 9110 §7.5 asks to watch for that); one that answers
    // while it reads, such as an echo, does.
    if (exchange.sending && status >= 400) exchange.stop();
    exchange.handler.onHead(status, reason, headers, version, framing);
  }

  #handOver(exchange: Exchange, head: ResponseHead, firstBytes: Uint8Array): void {
    this.exchange = undefined;
    // What the release delivers would overwrite them.
    const kept = Buffer.from(firstBytes);
    const socket = this.release();
    socket.on("error", ignore);
    this.#owner.closed(this);
    exchange.handler.onUpgrade(socket, kept, head.status, head.reason, head.headers);
  }

  /** The answer is complete. Bytes behind it, or a request that was not sent to its end, spoil the connection. */
  #finish(exchange: Exchange, surplus: boolean, trailers?: Headers): void {
    this.exchange = undefined;
    this.#body = undefined;
    if (exchange.keepAlive && !surplus && !exchange.sending && !this.isWriting) {
      this.resume();
      this.#owner.released(this);
    } else {
      this.destroy();
    }
    exchange.handler.onEnd(trailers);
  }

  #refuse(error: unknown): void {
    if (!(error instanceof HttpMessageError)) throw error;
    this.fail("ERR_UPSTREAM_PROTOCOL", error);
  }

  protected ended(): void {
    const { exchange } = this;
    if (exchange !== undefined && this.#body?.close()) this.#finish(exchange, false, this.#body.trailers);
    else this.fail("ERR_UPSTREAM_RESET");
  }

  protected failed(error: Error): void {
    if (!this.connecting) this.fail("ERR_UPSTREAM_RESET", error);
    else this.fail(this.#handshaking ? "ERR_UPSTREAM_TLS" : "ERR_UPSTREAM_CONNECT", error);
  }

  protected closed(): void {
    this.releaseTimer();
    this.#owner.closed(this);
    this.fail("ERR_UPSTREAM_RESET");
  }
}

/** A socket that was handed over may break before its new owner listens; it is destroyed then, which the owner can see. */
function ignore(): void {}
