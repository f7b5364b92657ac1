import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { Headers, isToken } from "../http1/index.ts";
import type { EngineLimits } from "./engine.ts";
import type { BodyFraming, Connection, Inbound, InboundListener } from "./inbound.ts";

/** What all requests of an engine share. */
export interface EngineState {
  /** The engine is stopping: connections end with their current request. */
  closing: boolean;
  readonly limits: EngineLimits;
}

export interface Http1Extras {
  readonly expectsContinue?: boolean;
  readonly upgrade?: { readonly socket: Duplex; readonly firstBytes: Uint8Array };
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
  readonly canUpgrade: boolean;
  listener: InboundListener | undefined;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #state: EngineState;
  readonly #extras: Http1Extras;
  #reading = false;
  #trailersAllowed = false;

  constructor(req: IncomingMessage, res: ServerResponse, state: EngineState, extras: Http1Extras) {
    this.#req = req;
    this.#res = res;
    this.#state = state;
    this.#extras = extras;
    this.connection = connectionOf(req.socket);
    this.method = req.method ?? "GET";
    this.target = originForm(req.url ?? "/");
    this.httpVersion = req.httpVersion === "1.0" ? "1.0" : "1.1";
    this.headers = Headers.trusted(req.rawHeaders);
    this.framing = framingOf(req);
    this.canUpgrade = extras.upgrade !== undefined;
    res.sendDate = false;
    res.on("close", () => {
      if (!res.writableFinished) this.listener?.onAbort();
    });
    res.on("drain", () => this.listener?.onDrain());
    res.on("error", () => res.destroy());
    req.on("error", () => res.destroy());
  }

  /** The status of what is wrong with the head beyond what Node's parser refuses; undefined when nothing is. */
  fault(): number | undefined {
    const { line, fields } = this.#state.limits;
    const list = this.headers.list;
    if (this.target.length > line) return 414;
    if (list.length / 2 > fields) return 494;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i]!.length + list[i + 1]!.length + 2 > line) return 494;
      if (!isToken(list[i]!)) return 400;
    }
    const hosts = this.headers.getAll("host");
    if (hosts.length > 1 || (hosts.length === 0 && this.httpVersion === "1.1")) return 400;
    if (hosts.length === 1 && !/^[\w.~!$&'()*+,;=%:[\]-]*$/.test(hosts[0]!)) return 400;
    return undefined;
  }

  /** Send this as the whole answer and close. */
  reject(message: string): void {
    this.#req.socket.end(message);
  }

  get keepAlive(): boolean {
    return this.#res.shouldKeepAlive && !this.#state.closing && !this.canUpgrade;
  }

  resume(): void {
    if (this.#reading) {
      this.#req.resume();
      return;
    }
    this.#reading = true;
    const req = this.#req;
    if (this.#extras.expectsContinue) this.#res.writeContinue();
    req.setTimeout(this.#state.limits.bodyTimeoutMs, () => {
      if (!req.isPaused() && !req.complete) req.destroy();
    });
    req.on("data", (chunk: Buffer) => {
      if (this.listener && !this.listener.onData(chunk)) req.pause();
    });
    req.on("end", () => {
      req.setTimeout(0);
      this.listener?.onEnd(req.rawTrailers.length > 0 ? Headers.trusted(req.rawTrailers) : undefined);
    });
  }

  pause(): void {
    this.#req.pause();
  }

  /** Only 103 Early Hints with links: Node sends no other. */
  inform(status: number, _reason: string, headers: Headers): void {
    const link = headers.getAll("link");
    if (status !== 103 || link.length === 0) return;
    const hints: Record<string, string | string[]> = { link };
    for (let i = 0; i < headers.list.length; i += 2) {
      const name = headers.list[i]!.toLowerCase();
      if (name !== "link") hints[name] = headers.list[i + 1]!;
    }
    this.#res.writeEarlyHints(hints);
  }

  head(status: number, reason: string, headers: Headers): void {
    this.#trailersAllowed = headers.get("transfer-encoding") !== undefined;
    this.#res.writeHead(status, reason, headers.list as string[]);
  }

  write(chunk: Uint8Array): boolean {
    return this.#res.write(chunk);
  }

  end(chunk?: Uint8Array | string, trailers?: Headers): void {
    if (trailers && this.#trailersAllowed) {
      const list = trailers.list;
      const pairs: [string, string][] = [];
      for (let i = 0; i < list.length; i += 2) pairs.push([list[i]!, list[i + 1]!]);
      this.#res.addTrailers(pairs);
    }
    if (chunk === undefined) this.#res.end();
    else this.#res.end(chunk);
    const socket = this.#extras.upgrade?.socket;
    if (socket) this.#res.on("finish", () => socket.end());
  }

  upgrade(status: number, reason: string, headers: Headers): { socket: Duplex; firstBytes: Uint8Array } {
    const { socket, firstBytes } = this.#extras.upgrade!;
    this.#res.detachSocket(socket as Socket);
    const list = headers.list;
    let head = `HTTP/1.1 ${status} ${reason}\r\n`;
    for (let i = 0; i < list.length; i += 2) head += `${list[i]}: ${list[i + 1]}\r\n`;
    socket.write(`${head}\r\n`, "latin1");
    return { socket, firstBytes };
  }

  destroy(): void {
    this.#req.socket.destroy();
  }
}

/** The absolute form of a target (sent to proxies) in origin form; its authority is the Host of such a request anyway. */
function originForm(target: string): string {
  if (target.startsWith("/") || target === "*") return target;
  const match = /^https?:\/\/[^/?#]*(\/[^#]*|\?[^#]*)?/i.exec(target);
  if (!match) return target;
  const rest = match[1] ?? "/";
  return rest.startsWith("?") ? `/${rest}` : rest;
}

function framingOf(req: IncomingMessage): BodyFraming {
  if (req.headers["transfer-encoding"] !== undefined) return { kind: "stream", length: undefined };
  const length = Number(req.headers["content-length"] ?? 0);
  return length > 0 ? { kind: "stream", length } : { kind: "none" };
}
