import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Headers } from "../http1/index.ts";
import type { EngineLimits } from "./engine.ts";
import type { BodyFraming, Connection, Inbound, InboundListener } from "./inbound.ts";
import { connectionOf } from "./inbound-http1.ts";

/** Fields that HTTP/2 has no place for. Source: RFC 9113 §8.2.2. */
const CONNECTION_FIELDS = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"]);
const PSEUDO = new Set([":method", ":path", ":scheme", ":authority"]);

/** A request of an HTTP/2 stream, read by `node:http2`. */
export class Http2Inbound implements Inbound {
  readonly connection: Connection;
  readonly method: string;
  readonly target: string;
  readonly httpVersion = "2";
  readonly headers: Headers;
  readonly framing: BodyFraming;
  readonly keepAlive = true;
  readonly canUpgrade = false;
  listener: InboundListener | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #limits: EngineLimits;
  #reading = false;
  #trailers: Headers | undefined;
  #wantsTrailers = false;

  constructor(stream: ServerHttp2Stream, rawHeaders: readonly string[], limits: EngineLimits) {
    this.#stream = stream;
    this.#limits = limits;
    this.connection = connectionOf(stream.session!.socket as unknown as Socket);
    const pseudo = new Map<string, string>();
    const list: string[] = [];
    const cookies: string[] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      const value = rawHeaders[i + 1]!;
      if (PSEUDO.has(name)) pseudo.set(name, value);
      else if (name === "cookie") cookies.push(value);
      else if (!name.startsWith(":")) list.push(name, value);
    }
    // Clients may send a cookie in pieces (RFC 9113 §8.2.3); HTTP/1.1 wants one field.
    if (cookies.length > 0) list.push("cookie", cookies.join("; "));
    const authority = pseudo.get(":authority");
    const hasHost = list.some((text, i) => i % 2 === 0 && text === "host");
    if (authority !== undefined && !hasHost) list.unshift("host", authority);
    this.method = pseudo.get(":method") ?? "GET";
    this.target = pseudo.get(":path") ?? "*";
    this.headers = Headers.trusted(list);
    this.framing = stream.endAfterHeaders ? { kind: "none" } : { kind: "stream", length: lengthOf(this.headers) };
    stream.on("close", () => {
      if (!stream.writableFinished) this.listener?.onAbort();
    });
    stream.on("drain", () => this.listener?.onDrain());
    stream.on("error", () => stream.destroy());
  }

  fault(): number | undefined {
    if (this.method === "CONNECT") return 405;
    const { line } = this.#limits;
    if (this.target.length > line) return 414;
    const list = this.headers.list;
    for (let i = 0; i < list.length; i += 2) if (list[i]!.length + list[i + 1]!.length + 2 > line) return 431;
    return this.headers.getAll("host").length === 1 ? undefined : 400;
  }

  reject(status: number): void {
    this.#stream.respond({ ":status": status }, { endStream: true });
    this.#stream.close();
  }

  resume(): void {
    if (this.#reading) {
      this.#stream.resume();
      return;
    }
    this.#reading = true;
    const stream = this.#stream;
    stream.on("trailers", (_headers, _flags, raw) => {
      this.#trailers = Headers.trusted(raw as unknown as string[]);
    });
    stream.setTimeout(this.#limits.bodyTimeoutMs, () => {
      if (!stream.isPaused() && !stream.readableEnded) stream.destroy();
    });
    stream.on("data", (chunk: Buffer) => {
      if (this.listener && !this.listener.onData(chunk)) stream.pause();
    });
    stream.on("end", () => {
      stream.setTimeout(0);
      this.listener?.onEnd(this.#trailers);
    });
  }

  pause(): void {
    this.#stream.pause();
  }

  inform(status: number, _reason: string, headers: Headers): void {
    if (!this.#stream.destroyed) this.#stream.additionalHeaders({ ":status": status, ...toFields(headers) });
  }

  head(status: number, _reason: string, headers: Headers): void {
    if (this.#stream.destroyed) return;
    this.#wantsTrailers = this.headers.get("te")?.includes("trailers") ?? false;
    this.#stream.respond(
      { ":status": status, ...toFields(headers) },
      { waitForTrailers: this.#wantsTrailers, endStream: false },
    );
  }

  write(chunk: Uint8Array): boolean {
    return this.#stream.destroyed || this.#stream.write(chunk);
  }

  end(chunk?: Uint8Array | string, trailers?: Headers): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    if (this.#wantsTrailers) {
      stream.once("wantTrailers", () => (trailers ? stream.sendTrailers(toFields(trailers)) : stream.close()));
    }
    if (chunk === undefined) stream.end();
    else stream.end(chunk);
    if (!this.#reading && this.framing.kind !== "none") stream.resume();
  }

  upgrade(): { socket: Duplex; firstBytes: Uint8Array } {
    throw new Error("an HTTP/2 stream is not handed over");
  }

  destroy(): void {
    this.#stream.close(2);
  }
}

function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Fields as `node:http2` takes them: lower-case names, repeated ones as lists, none that belong to HTTP/1.1 connections. */
function toFields(headers: Headers): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {};
  const list = headers.list;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!.toLowerCase();
    if (CONNECTION_FIELDS.has(name)) continue;
    const known = fields[name];
    if (known === undefined) fields[name] = list[i + 1]!;
    else if (Array.isArray(known)) known.push(list[i + 1]!);
    else fields[name] = [known, list[i + 1]!];
  }
  return fields;
}
