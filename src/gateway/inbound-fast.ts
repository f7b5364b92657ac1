import type { Duplex } from "node:stream";
import {
  encodeLastChunk,
  type Framing,
  fields,
  formatResponseHead,
  formatStatusLine,
  type Headers,
  keepsAlive,
  type RequestHead,
  type ResponseBody,
} from "../http1/index.ts";
import type { FastConnection } from "./fast-connection.ts";
import type { BodyFraming, Connection, Inbound, InboundListener } from "./inbound.ts";
import { requestFault } from "./request-fault.ts";
import { originForm } from "./request-target.ts";

const NO_BODY: BodyFraming = { kind: "none" };
/** No length: the body ends with its chunks, or with the connection. */
const NOT_ANNOUNCED = -1;
const CHUNKED_BODY: BodyFraming = { kind: "stream", length: undefined };

/**
 * A request read by our own parser. Once its answer is complete, or the client has gone, the connection knows it no longer and
 * every call is without effect.
 */
export class FastInbound implements Inbound {
  readonly connection: Connection;
  readonly method: string;
  readonly target: string;
  readonly hasPlainPath: boolean | undefined;
  readonly httpVersion: "1.0" | "1.1";
  readonly headers: Headers;
  readonly framing: BodyFraming;
  readonly fault: number | undefined;
  readonly canUpgrade: boolean;
  listener: InboundListener | undefined;
  /** The final head was given to the connection. */
  hasHead = false;
  /** The client waits for `100 Continue` before it sends its body. */
  awaitsContinue: boolean;
  readonly #connection: FastConnection;
  #keepAlive: boolean;
  #isBodiless = false;
  #isChunked = false;
  /** Bytes of the answer's body that its head has announced and that were not written yet. */
  #announced = NOT_ANNOUNCED;

  constructor(connection: FastConnection, head: RequestHead, framing: Framing) {
    this.#connection = connection;
    this.connection = connection.facts;
    this.method = head.method;
    this.target = originForm(head.target);
    this.hasPlainPath = head.hasPlainPath;
    this.fault = requestFault(head);
    this.httpVersion = head.version;
    this.headers = head.headers;
    this.framing =
      framing.kind === "none" ? NO_BODY : framing.kind === "length" ? streamOf(framing.length) : CHUNKED_BODY;
    this.#keepAlive = this.fault === undefined && keepsAlive(head.version, head.headers);
    this.canUpgrade = offersWebSocket(head, framing);
    this.awaitsContinue = framing.kind !== "none" && head.version === "1.1" && head.headers.mayHave(fields.expect.bit);
  }

  /**
   * A client that may or may not send its body, since we never asked for it, must not send anything behind it, nor one whose
   * next bytes may be a WebSocket's.
   */
  get keepAlive(): boolean {
    return this.#keepAlive && !this.awaitsContinue && !this.canUpgrade && this.#connection.mayStay;
  }

  #isCurrent(): boolean {
    return this.#connection.current === this;
  }

  resume(): void {
    if (this.#isCurrent()) this.#connection.resumeBody(this);
  }

  pause(): void {
    if (this.#isCurrent()) this.#connection.pauseBody();
  }

  inform(status: number, reason: string, headers: Headers): void {
    if (!this.#isCurrent() || this.hasHead || this.httpVersion === "1.0" || this.#connection.isBlocked) return;
    this.#connection.text(formatResponseHead(status, reason, headers));
  }

  head(status: number, reason: string, headers: Headers): void {
    if (!this.#isCurrent()) return;
    const text = formatResponseHead(status, reason, headers);
    this.#begin(status, this.keepAlive && keepsAlive("1.1", headers));
    if (!this.#isBodiless) this.#frame(headers);
    this.#connection.text(text);
  }

  headLines(status: number, reason: string, lines: string, body: ResponseBody): void {
    if (!this.#isCurrent()) return;
    this.#begin(status, this.keepAlive);
    if (this.#isBodiless) this.#announced = NOT_ANNOUNCED;
    else if (body.kind === "length") this.#announced = body.length;
    else if (body.kind !== "none" && this.httpVersion === "1.1") this.#isChunked = true;
    else this.#keepAlive = false;
    this.#connection.text(`${formatStatusLine(status, reason)}${lines}\r\n\r\n`);
  }

  #begin(status: number, keepAlive: boolean): void {
    this.#keepAlive = keepAlive;
    this.hasHead = true;
    this.#isBodiless = this.method === "HEAD" || status === 204 || status === 304;
  }

  #frame(headers: Headers): void {
    const lengthAt = headers.indexOf(fields["content-length"]);
    // No body fits one that is no number.
    if (lengthAt >= 0) this.#announced = Math.max(0, headers.numberAt(lengthAt));
    else if (headers.indexOf(fields["transfer-encoding"]) >= 0) this.#isChunked = true;
    else this.#keepAlive = false;
  }

  write(chunk: Uint8Array): boolean {
    return !this.#mayWrite(chunk.length) || this.#connection.piece(chunk, this.#isChunked);
  }

  writeText(text: string): boolean {
    return !this.#mayWrite(text.length) || this.#connection.textPiece(text, this.#isChunked);
  }

  /** Whether so many bytes are part of the answer; more than were announced break it. */
  #mayWrite(length: number): boolean {
    if (!this.#isCurrent() || this.#isBodiless) return false;
    if (this.#announced === NOT_ANNOUNCED) return true;
    if (length > this.#announced) {
      this.destroy();
      return false;
    }
    this.#announced -= length;
    return true;
  }

  end(chunk?: Uint8Array | string, trailers?: Headers): void {
    if (!this.#isCurrent()) return;
    if (chunk !== undefined) this.write(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    if (this.#announced > 0) {
      this.destroy();
    } else {
      if (this.#isChunked) this.#connection.text(encodeLastChunk(trailers));
      this.#connection.answered(this.#keepAlive);
    }
  }

  upgrade(status: number, reason: string, headers: Headers): { socket: Duplex; firstBytes: Uint8Array } {
    this.#connection.text(formatResponseHead(status, reason, headers));
    return this.#connection.handOver();
  }

  /** A body that ends with its connection would look complete after a proper end: that one is reset. */
  destroy(): void {
    if (!this.#isCurrent()) return;
    const endsByClose = this.hasHead && !this.#isBodiless && !this.#isChunked && this.#announced === NOT_ANNOUNCED;
    this.#connection.destroy(endsByClose);
  }
}

function streamOf(length: number): BodyFraming {
  return { kind: "stream", length };
}

/** Whether the head offers a WebSocket: a GET without a body, `Upgrade`, and `Connection` naming it. Source: RFC 6455 §4.1. */
function offersWebSocket({ method, version, headers }: RequestHead, framing: Framing): boolean {
  const upgrade = headers.find(fields.upgrade);
  if (upgrade === undefined || upgrade.toLowerCase() !== "websocket") return false;
  if (method !== "GET" || version !== "1.1" || framing.kind !== "none") return false;
  return headers.getAll("connection").some((value) => /(^|[\s,])upgrade([\s,]|$)/i.test(value));
}
