import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  formatResponseHead,
  Headers,
  type HttpMessageError,
  keepsAlive,
  type RequestHead,
  requestFraming,
} from "../http1/index.ts";
import { closeGently, DROP_MS } from "./closing.ts";
import type { EngineLimits } from "./engine.ts";
import type { Handover } from "./handover.ts";
import { hostFault, limitFault, targetFault } from "./head-fault.ts";
import { connectionOptions } from "./hop-by-hop.ts";
import type { BodyFraming, Connection, Inbound, InboundListener } from "./inbound.ts";
import { requestFault } from "./request-fault.ts";
import { originForm } from "./request-target.ts";

/** What all requests of an engine share. */
export interface EngineState {
  /** The engine is stopping: connections end with their current request. */
  closing: boolean;
  readonly limits: EngineLimits;
}

export interface Http1Extras {
  readonly expectsContinue?: boolean;
  /** Of a request for another protocol, whose connection Node has let go. */
  readonly handover?: Handover;
}

const connections = new WeakMap<Duplex, Connection>();

/** The facts of a connection, read from its socket once. */
export function connectionOf(socket: Socket): Connection {
  let connection = connections.get(socket);
  if (!connection) {
    const serverName = (socket as TLSSocket).servername;
    connection = {
      remoteAddress: plainAddress(socket.remoteAddress),
      remotePort: socket.remotePort ?? 0,
      localAddress: plainAddress(socket.localAddress),
      localPort: socket.localPort ?? 0,
      tls: "encrypted" in socket,
      forwarded: undefined,
      ...(typeof serverName === "string" && { serverName }),
    };
    connections.set(socket, connection);
  }
  return connection;
}

function plainAddress(address: string | undefined): string {
  return address?.startsWith("::ffff:") ? address.slice(7) : (address ?? "");
}

/** A request read by `node:http`. */
export class Http1Inbound implements Inbound {
  readonly connection: Connection;
  readonly method: string;
  readonly target: string;
  readonly httpVersion: "1.0" | "1.1";
  readonly headers: Headers;
  readonly framing: BodyFraming;
  readonly fault: number | undefined;
  listener: InboundListener | undefined;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #state: EngineState;
  readonly #handover: Handover | undefined;
  #awaitsContinue: boolean;
  #isReading = false;
  #isChunked = false;
  #endsByClose = false;
  #isSpoilt = false;
  /** The answer's head has promised that the connection stays. */
  #keptAlive = false;

  constructor(req: IncomingMessage, res: ServerResponse, state: EngineState, extras: Http1Extras) {
    this.#req = req;
    this.#res = res;
    this.#state = state;
    this.#handover = extras.handover;
    this.#awaitsContinue = extras.expectsContinue === true;
    this.connection = connectionOf(req.socket);
    this.method = req.method ?? "";
    this.target = originForm(req.url ?? "");
    this.httpVersion = req.httpVersion === "1.0" ? "1.0" : "1.1";
    this.headers = Headers.trusted(req.rawHeaders);
    const head = { method: this.method, target: req.url ?? "", version: this.httpVersion, headers: this.headers };
    const { framing, fault } = judge(head, state.limits);
    this.framing = framing;
    // Node takes `GET /path` without a version for HTTP/0.9.
    this.fault = req.httpVersionMajor === 1 ? fault : 400;
    res.sendDate = false;
    res.on("close", () => this.listener?.onAbort());
    if (extras.handover) res.on("finish", () => closeGently(req.socket));
    res.on("drain", () => this.#drained());
    res.on("timeout", () => this.#stalled());
    res.on("error", () => res.destroy());
    req.on("error", () => res.destroy());
  }

  /**
   * A client that may or may not send its body, since nobody asked for it, must not send anything behind it. Behind a request
   * that offers any upgrade, Node loses what came with it.
   */
  get keepAlive(): boolean {
    const { closing, limits } = this.#state;
    return (
      this.#res.shouldKeepAlive &&
      !this.#awaitsContinue &&
      !(this.headers.has("upgrade") && connectionOptions(this.headers)?.has("upgrade")) &&
      !this.#handover &&
      !closing &&
      limits.keepAliveTimeoutMs > 0
    );
  }

  get canUpgrade(): boolean {
    return this.#handover !== undefined;
  }

  // ----- the request's body

  resume(): void {
    if (this.#isReading) this.#req.resume();
    else this.#startReading();
    this.#watch();
  }

  #startReading(): void {
    const req = this.#req;
    this.#isReading = true;
    if (this.#awaitsContinue && !this.#res.headersSent) this.#res.writeContinue();
    this.#awaitsContinue = false;
    req.on("data", (chunk: Buffer) => {
      if (this.listener?.onData?.(chunk) === false) req.pause();
    });
    req.on("end", () => {
      this.#watch();
      this.listener?.onEnd?.(req.rawTrailers.length > 0 ? Headers.trusted(req.rawTrailers) : undefined);
    });
  }

  pause(): void {
    this.#req.pause();
  }

  /** Its answer is not complete. */
  get isOpen(): boolean {
    return !this.#res.writableFinished;
  }

  /** Call this once the answer is complete, unless it ends the connection. */
  onAnswered(next: () => void): void {
    this.#res.once("finish", () => this.#keptAlive && next());
  }

  /** What came on the connection is not HTTP any more: the rest of this request's body, or what follows it. */
  spoil(lastWords: string): void {
    if (!this.#req.complete) this.#fail(400);
    else this.onAnswered(() => closeGently(this.#req.socket, lastWords));
  }

  #fail(status: 400 | 408): void {
    this.#isSpoilt = true;
    if (this.listener) this.listener.onFault(status);
    else this.#req.socket.destroySoon();
  }

  // ----- the answer

  /** Behind the answer to an earlier request that is not complete there is no place for it. */
  inform(status: number, reason: string, headers: Headers): void {
    const { socket, headersSent } = this.#res;
    if (socket && !headersSent && !socket.writableNeedDrain)
      socket.write(formatResponseHead(status, reason, headers), "latin1");
  }

  head(status: number, reason: string, headers: Headers): void {
    this.#isChunked = headers.has("transfer-encoding");
    this.#endsByClose = !this.#isChunked && !headers.has("content-length");
    this.#keptAlive = this.keepAlive && keepsAlive("1.1", headers);
    this.#res.writeHead(status, reason, headers.list as string[]);
  }

  write(chunk: Uint8Array): boolean {
    const more = this.#res.write(Buffer.from(chunk));
    if (!more) this.#watch();
    return more;
  }

  end(chunk?: Uint8Array | string, trailers?: Headers): void {
    const res = this.#res;
    this.listener = undefined;
    if (trailers && this.#isChunked) res.addTrailers(pairsOf(trailers));
    if (this.#req.complete || this.#handover || this.#isSpoilt) res.end(chunk);
    else this.#endEarly(chunk);
    this.#watch();
  }

  /**
   * The answer is complete before the request is: the rest of the body is read and dropped, for a while. Where the connection is
   * to end, the client has all of the answer and it is up to it to close; closing with bytes unread would reset the connection.
   */
  #endEarly(chunk: Uint8Array | string | undefined): void {
    const [req, res] = [this.#req, this.#res];
    setTimeout(() => req.complete || req.socket.destroy(), DROP_MS).unref();
    if (this.#keptAlive || this.#awaitsContinue || chunk === undefined) {
      res.end(chunk);
    } else {
      res.write(chunk);
      req.once("close", () => res.end());
    }
    req.resume();
  }

  upgrade(status: number, reason: string, headers: Headers): { socket: Duplex; firstBytes: Uint8Array } {
    const { socket, firstBytes } = this.#handover!.take();
    this.#res.detachSocket(socket);
    socket.setTimeout(0);
    socket.write(formatResponseHead(status, reason, headers), "latin1");
    return { socket, firstBytes };
  }

  /** A body that ends with its connection would look complete after a proper end: that one is reset. */
  destroy(): void {
    const { socket } = this.#req;
    if (this.#res.headersSent && this.#endsByClose && !this.connection.tls) socket.resetAndDestroy();
    else socket.destroy();
  }

  // ----- the connection

  /** Have the socket tell when the client neither reads what is written nor sends what is asked of it. */
  #watch(): void {
    const res = this.#res;
    const { bodyTimeoutMs } = this.#state.limits;
    const isAwaited = (this.#isReading && !this.#req.complete) || res.writableNeedDrain || res.writableEnded;
    if (!res.writableFinished) this.#req.socket.setTimeout(isAwaited ? bodyTimeoutMs : 0);
  }

  #stalled(): void {
    if (this.#res.writableNeedDrain || this.#res.writableEnded) this.#req.socket.destroy();
    else if (this.#isReading && !this.#req.complete && !this.#req.isPaused()) this.#fail(408);
  }

  #drained(): void {
    this.#watch();
    this.listener?.onDrain();
  }
}

const NO_BODY: BodyFraming = { kind: "none" };
const CHUNKED_BODY: BodyFraming = { kind: "stream", length: undefined };

/** How the body is framed, and the status for what Node's parser lets pass and we do not. */
function judge(head: RequestHead, limits: EngineLimits): { framing: BodyFraming; fault: number | undefined } {
  const fault = limitFault(head, limits) ?? targetFault(head) ?? hostFault(head) ?? requestFault(head);
  try {
    const framing = requestFraming(head);
    if (framing.kind === "none") return { framing: NO_BODY, fault };
    return { framing: framing.kind === "length" ? { kind: "stream", length: framing.length } : CHUNKED_BODY, fault };
  } catch (error) {
    return { framing: NO_BODY, fault: fault ?? (error as HttpMessageError).status };
  }
}

function pairsOf({ list }: Headers): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!]);
}
