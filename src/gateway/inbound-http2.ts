import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Headers } from "../http1/index.ts";
import type { EngineLimits } from "./engine.ts";
import { hostFault, limitFault, targetFault } from "./head-fault.ts";
import { acceptsTrailers } from "./hop-by-hop.ts";
import type { BodyFraming, Connection, Inbound, InboundListener } from "./inbound.ts";
import { connectionOf } from "./inbound-http1.ts";
import { requestFault } from "./request-fault.ts";

/** Fields that HTTP/2 has no place for. Source: RFC 9113 §8.2.2. */
const CONNECTION_FIELDS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** So many frames wait for a client that has stopped to read. */
const MOST_QUEUED = 100;

/** A request of an HTTP/2 stream, read by `node:http2`. */
export class Http2Inbound implements Inbound {
  readonly connection: Connection;
  readonly method: string;
  readonly target: string;
  readonly httpVersion = "2";
  readonly headers: Headers;
  readonly framing: BodyFraming;
  readonly fault: number | undefined;
  readonly keepAlive = true;
  readonly canUpgrade = false;
  listener: InboundListener | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #limits: EngineLimits;
  #isReading = false;
  #isEnding = false;
  #trailers: Headers | undefined;
  #wantsTrailers = false;

  constructor(stream: ServerHttp2Stream, rawHeaders: readonly string[], limits: EngineLimits) {
    const { method, target, headers, hostsDiffer } = readHead(rawHeaders);
    this.#stream = stream;
    this.#limits = limits;
    this.connection = connectionOf(stream.session!.socket as unknown as Socket);
    this.method = method;
    this.target = target;
    this.headers = headers;
    this.framing = stream.endAfterHeaders ? { kind: "none" } : { kind: "stream", length: lengthOf(headers) };
    this.fault = hostsDiffer
      ? 400
      : (limitFault(this, limits) ??
        targetFault(this) ??
        hostFault({ version: "2", headers }) ??
        requestFault({ method, target, version: "1.1", headers }));
    stream.on("close", () => this.listener?.onAbort());
    stream.on("drain", () => this.#drained());
    stream.on("timeout", () => this.#stalled());
    stream.on("error", () => stream.destroy());
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  resume(): void {
    if (this.#isReading) this.#stream.resume();
    else this.#startReading();
    this.#watch();
  }

  #startReading(): void {
    const stream = this.#stream;
    this.#isReading = true;
    if (this.headers.has("expect") && !stream.headersSent && !this.#isGone)
      stream.additionalHeaders({ ":status": 100 });
    stream.on("trailers", (_headers, _flags, raw) => {
      this.#trailers = Headers.trusted(raw as unknown as string[]);
    });
    stream.on("data", (chunk: Buffer) => {
      if (this.listener?.onData?.(chunk) === false) stream.pause();
    });
    stream.on("end", () => {
      this.#watch();
      this.listener?.onEnd?.(this.#trailers);
    });
  }

  pause(): void {
    this.#stream.pause();
  }

  inform(status: number, _reason: string, headers: Headers): void {
    const stream = this.#stream;
    if (this.#isGone || stream.headersSent) return;
    if ((stream.session?.state.outboundQueueSize ?? 0) > MOST_QUEUED) return;
    stream.additionalHeaders({ ":status": status, ...recordOf(headers) });
  }

  /** A 204 has no length (RFC 9110 §8.6): clients would take one for a broken stream. Over HTTP/1.1 it is passed on, as by Kong. */
  head(status: number, _reason: string, headers: Headers): void {
    if (this.#isGone) return;
    this.#wantsTrailers = acceptsTrailers(this.headers);
    const list = [":status", String(status)];
    for (let i = 0; i < headers.list.length; i += 2) {
      const name = headers.list[i]!.toLowerCase();
      if (!CONNECTION_FIELDS.has(name) && !(status === 204 && name === "content-length"))
        list.push(name, headers.list[i + 1]!);
    }
    this.#stream.respond(list, { waitForTrailers: this.#wantsTrailers });
  }

  write(chunk: Uint8Array): boolean {
    const stream = this.#stream;
    if (this.#isGone || stream.writableEnded) return true;
    const more = stream.write(Buffer.from(chunk));
    if (!more) this.#watch();
    return more;
  }

  end(chunk?: Uint8Array | string, trailers?: Headers): void {
    const stream = this.#stream;
    this.listener = undefined;
    if (this.#isGone) return;
    this.#isEnding = true;
    if (this.#wantsTrailers) {
      stream.once("wantTrailers", () => (trailers ? stream.sendTrailers(recordOf(trailers)) : stream.close()));
    }
    if (!stream.writableEnded) stream.end(chunk);
    // The answer came before the request was complete: the client need not send the rest (RFC 9113 §8.1).
    if (this.#isReading && !stream.readableEnded) stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    this.#watch();
  }

  upgrade(): { socket: Duplex; firstBytes: Uint8Array } {
    throw new Error("an HTTP/2 stream is not handed over");
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** Have the stream tell when the client neither reads what is written nor sends what is asked of it. */
  #watch(): void {
    const stream = this.#stream;
    const isAwaited = (this.#isReading && !stream.readableEnded) || stream.writableNeedDrain || this.#isEnding;
    if (!this.#isGone) stream.setTimeout(isAwaited ? this.#limits.bodyTimeoutMs : 0);
  }

  #stalled(): void {
    const stream = this.#stream;
    if (stream.writableNeedDrain || this.#isEnding) stream.close(constants.NGHTTP2_CANCEL);
    else if (this.#isReading && !stream.readableEnded && !stream.isPaused()) this.listener?.onFault(408);
  }

  #drained(): void {
    this.#watch();
    this.listener?.onDrain();
  }
}

/** The head as HTTP/1.1 would have it. */
function readHead(rawHeaders: readonly string[]) {
  const pseudo = new Map<string, string>();
  const list: string[] = [];
  const cookies: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    if (name.startsWith(":")) pseudo.set(name, value);
    else if (name === "cookie") cookies.push(value);
    else list.push(name, value);
  }
  // Clients may send a cookie in pieces (RFC 9113 §8.2.3); HTTP/1.1 wants one field.
  if (cookies.length > 0) list.push("cookie", cookies.join("; "));
  const headers = Headers.trusted(list);
  const authority = pseudo.get(":authority");
  const host = headers.get("host");
  if (authority !== undefined && host === undefined) list.unshift("host", authority);
  return {
    method: pseudo.get(":method") ?? "",
    target: pseudo.get(":path") ?? "",
    headers: Headers.trusted(list),
    /** RFC 9113 §8.3.1 has such a request malformed; an upstream must not be told another host than the router. */
    hostsDiffer: authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase(),
  };
}

function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Fields as `node:http2` takes them where it knows no list: lower-case names, repeated ones as arrays. */
function recordOf(headers: Headers): OutgoingHttpHeaders {
  const record: Record<string, string | string[]> = Object.create(null);
  const { list } = headers;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!.toLowerCase();
    if (!CONNECTION_FIELDS.has(name))
      record[name] = name in record ? [record[name]!, list[i + 1]!].flat() : list[i + 1]!;
  }
  return record;
}
