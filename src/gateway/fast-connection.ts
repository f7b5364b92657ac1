import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  BodyReader,
  type BodySink,
  fields,
  type HeadHolder,
  type HeadReader,
  HttpMessageError,
  readHead,
  requestFraming,
  requestHeads,
  restOf,
  Wire,
} from "../http1/index.ts";
import { DROP_MS, LINGER_MS } from "./closing.ts";
import type { EngineOptions } from "./engine.ts";
import type { Connection } from "./inbound.ts";
import { FastInbound } from "./inbound-fast.ts";
import { connectionOf } from "./inbound-http1.ts";

/** What the engine tells all of its connections. */
export interface FastOwner {
  readonly options: EngineOptions;
  /** The engine is stopping: connections end with their current request. */
  closing: boolean;
  /** The connection is gone, or was handed over. */
  closed(connection: FastConnection): void;
}

/** How much is read ahead of the next requests while one is served: that the client leaves is only noticed by reading. */
const MOST_AHEAD = 16_384;

const NOTHING: Buffer = Buffer.alloc(0);
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What the deadline of a connection stands for. */
type Awaited = "request" | "head" | "body" | "rest" | "close";

/**
 * A client's connection: reads one request at a time, has it served, and reads the next when its answer is complete. Bytes that
 * come too early wait, at most two reads of them; then the socket is paused.
 *
 *   request -> head -> (body while served) -> rest, if the answer came before the body's end -> request ... -> close
 */
export class FastConnection extends Wire implements BodySink, HeadHolder {
  readonly facts: Connection;
  /** The request whose answer is not complete. */
  current: FastInbound | undefined;
  heldHead: HeadReader | undefined;
  readonly #owner: FastOwner;
  /** What is being read of a request's body; absent where there is none, and behind its end. */
  #body: BodyReader | undefined;
  #awaited: Awaited = "head";
  /** The Cookie of the last request. */
  #cookie: string | undefined;
  /** What came and was not looked at yet. */
  #bytes = NOTHING;
  #isReading = false;
  /** The owner of the request wants its body. */
  #bodyFlows = false;
  /** Until when what a client still sends behind the last answer is read. */
  #lingersUntilMs = 0;
  /** The body of the current request could not be read to its end; what follows it cannot be found. */
  #isBroken = false;

  constructor(accepted: Socket, owner: FastOwner) {
    super({ socket: accepted, isPlain: !("encrypted" in accepted) });
    this.#owner = owner;
    this.facts = connectionOf(this.socket);
    this.#await("head", owner.options.limits.headerTimeoutMs);
  }

  /** Whether another request may follow the current one. */
  get mayStay(): boolean {
    return !this.#isBroken && !this.#owner.closing && this.#owner.options.limits.keepAliveTimeoutMs > 0;
  }

  /** The engine is stopping: a connection without a request ends now. */
  shutdown(): void {
    if (this.current === undefined && !this.#hasBody() && this.heldHead === undefined) this.#end();
  }

  /** A timeout of 0 is none. */
  #await(what: Awaited, ms: number): void {
    this.#awaited = what;
    this.expireIn(ms || Number.POSITIVE_INFINITY);
  }

  protected expired(): void {
    if (this.#awaited === "body") this.#breakOff(408);
    else if (this.#awaited === "head" && this.heldHead !== undefined) this.#refuse(408);
    else if (this.#awaited === "rest") this.#end();
    else if (!this.isWriting) this.socket.destroy();
    else {
      // The client is still busy with the last answer.
      this.blocked();
      this.expireIn(DROP_MS);
    }
  }

  /** Give the client the time between two pieces of a body to read on. The socket's own timeout begins anew as it reads. */
  protected blocked(): void {
    if (!this.socket.timeout) this.setTimeout(this.#owner.options.limits.bodyTimeoutMs);
  }

  protected override stalled(): void {
    if (this.isWriting) this.socket.destroy();
    else this.setTimeout(0);
  }

  // ----- reading

  /** Something of a request's body has not been read. */
  #hasBody(): boolean {
    return this.#body !== undefined && !this.#body.done;
  }

  override get isClient(): boolean {
    return true;
  }

  received(chunk: Buffer): void {
    if (this.#awaited === "close") {
      this.#linger();
      return;
    }
    if (this.#isBroken) return;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#read();
    // Elsewhere in the same buffer the next bytes will be, of whichever connection.
    if (this.#bytes.length > 0) this.#bytes = Buffer.from(this.#bytes);
  }

  /** Read as far as it goes: until all is read, a request is being served, or its body is not wanted now. */
  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#bytes.length > 0 && this.#readMore());
    } catch (error) {
      if (!(error instanceof HttpMessageError)) throw error;
      if (this.#hasBody()) this.#breakOff(400);
      else this.#refuse(error.status);
    } finally {
      this.#isReading = false;
    }
    if (this.#mayReadAhead()) this.resume();
    else this.pause();
  }

  /** Whether to read on though what has come is not looked at now: not what a body or the answers before would have to wait for. */
  #mayReadAhead(): boolean {
    const { length } = this.#bytes;
    return length === 0 || (this.current !== undefined && this.#body === undefined && length < MOST_AHEAD);
  }

  #readMore(): boolean {
    if (this.#body !== undefined) {
      if (this.current !== undefined && !this.#bodyFlows) return false;
      this.#readBody(this.#body);
      return true;
    }
    // A client that sends requests without reading their answers gets no further ones.
    if (this.current !== undefined || this.isBlocked) return false;
    this.#readHead();
    return true;
  }

  #readHead(): void {
    const { options } = this.#owner;
    const chunk = this.#bytes;
    this.#bytes = NOTHING;
    const head = readHead(requestHeads, options.limits, this, chunk, this.#cookie);
    if (head === undefined) {
      if (this.#awaited === "request") this.#await("head", options.limits.headerTimeoutMs);
      return;
    }
    this.#bytes = restOf(head);
    this.#cookie = head.headers.find(fields.cookie);
    const framing = requestFraming(head);
    this.neverExpire();
    if (framing.kind !== "none") this.#body = new BodyReader(options.limits, framing);
    this.#bodyFlows = false;
    this.current = new FastInbound(this, head, framing);
    options.handle(this.current);
  }

  #readBody(body: BodyReader): void {
    const { current } = this;
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    const used = body.read(bytes, this);
    if (this.#awaited === "close") return;
    if (used < bytes.length) this.#bytes = bytes.subarray(used);
    if (!body.done) {
      if (this.current !== undefined && this.#bodyFlows) this.#await("body", this.#owner.options.limits.bodyTimeoutMs);
      return;
    }
    this.#body = undefined;
    if (current === undefined || this.current !== current) {
      this.#awaitRequest();
    } else {
      this.neverExpire();
      current.listener?.onEnd?.(body.trailers);
    }
  }

  /** Nobody wants what comes behind the answer; it is read for the sake of a client that reads the answer after that. */
  onBodyBytes(bytes: Uint8Array): void {
    if (this.current?.listener?.onData?.(bytes) === false) this.pauseBody();
  }

  // ----- for the request that is served

  resumeBody(inbound: FastInbound): void {
    if (this.#bodyFlows || !this.#hasBody()) return;
    this.#bodyFlows = true;
    if (inbound.awaitsContinue) {
      inbound.awaitsContinue = false;
      if (this.#bytes.length === 0 && !inbound.hasHead) {
        this.text(CONTINUE);
      }
    }
    this.#await("body", this.#owner.options.limits.bodyTimeoutMs);
    this.#read();
  }

  pauseBody(): void {
    this.#bodyFlows = false;
    if (this.#hasBody()) this.neverExpire();
  }

  /** The answer is complete. */
  answered(keepAlive: boolean): void {
    this.current = undefined;
    if (!keepAlive || !this.mayStay) {
      this.#end();
    } else if (this.#hasBody()) {
      this.#await("rest", DROP_MS);
    } else {
      this.#awaitRequest();
    }
    if (this.#bytes.length > 0) this.#read();
  }

  #awaitRequest(): void {
    if (this.mayStay) this.#await("request", this.#owner.options.limits.keepAliveTimeoutMs);
    else this.#end();
  }

  /** Give up the socket after what was written; the second value is what the client has sent behind its request. */
  handOver(): { socket: Duplex; firstBytes: Uint8Array } {
    const firstBytes = this.#bytes;
    this.current = undefined;
    this.#bytes = NOTHING;
    const socket = this.release();
    this.#owner.closed(this);
    return { socket, firstBytes };
  }

  /** Break the connection, with a reset where that can be had and is asked for. */
  destroy(reset: boolean): void {
    this.#bytes = NOTHING;
    this.flush();
    if (reset && !this.facts.tls) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  // ----- the end

  /** What came is no valid head, or not all of one in time: say so, and close. */
  #refuse(status: number): void {
    this.text(this.#owner.options.badRequest(status));
    this.#end();
  }

  /** The rest of a body cannot be read: the answer, which its owner makes of the status, is the last one. */
  #breakOff(status: 400 | 408): void {
    if (this.current === undefined) {
      this.#end();
      return;
    }
    this.#isBroken = true;
    this.#bytes = NOTHING;
    this.neverExpire();
    this.current.listener?.onFault(status);
  }

  /**
   * Say that nothing more will be sent, and drop what the client still sends until it closes, too: a socket that is closed with
   * bytes unread is reset, and the client may never see the answer. Source: RFC 9112 §9.6.
   */
  #end(): void {
    if (this.#awaited === "close") return;
    this.#bytes = NOTHING;
    this.#lingersUntilMs = Math.ceil(performance.now()) + LINGER_MS;
    this.#await("close", DROP_MS);
    this.flush();
    this.socket.end();
    this.resume();
  }

  /** A client that first sends all and then reads has time for it, though not for ever. */
  #linger(): void {
    this.expireIn(Math.max(0, Math.min(DROP_MS, this.#lingersUntilMs - performance.now())));
  }

  protected drained(): void {
    this.setTimeout(0);
    if (this.current !== undefined) this.current.listener?.onDrain();
    else this.#read();
  }

  /** The client sends nothing more. As with nginx, one that does not wait for its answer has gone. */
  protected ended(): void {
    if (this.current !== undefined || this.#hasBody()) this.socket.destroy();
    else this.#end();
  }

  protected failed(): void {
    this.socket.destroy();
  }

  protected closed(): void {
    const { current } = this;
    this.current = undefined;
    this.releaseTimer();
    this.#owner.closed(this);
    current?.listener?.onAbort();
  }
}
