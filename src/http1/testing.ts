import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { UpstreamError } from "./errors.ts";
import { Headers } from "./headers.ts";
import { createPool } from "./pool.ts";
import type {
  Origin,
  Pool,
  PoolOptions,
  ResponseBody,
  UpstreamExchange,
  UpstreamHandler,
  UpstreamRequest,
} from "./upstream.ts";
import { Wire, type WireSource } from "./wire.ts";

/** Listens on loopback until the test ends; answers the port. */
export async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that hands each socket and its number to `serve`; answers the origin. */
export async function rawOrigin(t: TestContext, serve: (socket: Socket, number: number) => void): Promise<Origin> {
  let connections = 0;
  return originAt(
    await listen(
      t,
      createServer({ noDelay: true }, (socket) => serve(socket, (connections += 1))),
    ),
  );
}

/** A server that sends `answer` for whatever it reads first on a connection, and again for every further read. */
export function answering(t: TestContext, answer: string | Buffer): Promise<Origin> {
  return rawOrigin(t, (socket) => socket.on("data", () => socket.write(answer)));
}

export function originAt(port: number): Origin {
  return { key: `127.0.0.1:${port}`, host: "127.0.0.1", port };
}

/** A pool that is destroyed when the test ends. */
export function testPool(t: TestContext, options?: PoolOptions): Pool {
  const pool = createPool(options);
  t.after(() => pool.destroy());
  return pool;
}

export function requestOf(parts: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: "GET",
    target: "/",
    headers: new Headers(["Host", "h"]),
    body: undefined,
    connectTimeoutMs: 5000,
    writeTimeoutMs: 5000,
    readTimeoutMs: 5000,
    ...parts,
  };
}

/** Writes down what an exchange tells, in `calls` also its order. */
export class Recorder implements UpstreamHandler {
  readonly calls: string[] = [];
  readonly informational: number[] = [];
  status = 0;
  reason = "";
  headers = new Headers();
  version = "";
  framing: ResponseBody | undefined;
  body = "";
  bodyBytes = 0;
  trailers: Headers | undefined;
  error: UpstreamError | undefined;
  upgraded: { socket: Duplex; firstBytes: Uint8Array } | undefined;
  /** Resolves when the exchange has ended in any way. */
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }
  onConnect(): void {
    this.calls.push("connect");
  }
  onInformational(status: number): void {
    this.calls.push("informational");
    this.informational.push(status);
  }
  onHead(status: number, reason: string, headers: Headers, version: string, body: ResponseBody): void {
    this.calls.push("head");
    Object.assign(this, { status, reason, headers, version, framing: body });
  }
  onBody(chunk: Uint8Array): boolean {
    this.bodyBytes += chunk.length;
    if (this.bodyBytes < 100_000) this.body += Buffer.from(chunk).toString("latin1");
    return true;
  }
  onEnd(trailers: Headers | undefined): void {
    this.calls.push("end");
    this.trailers = trailers;
    this.#end();
  }
  onUpgrade(socket: Duplex, firstBytes: Uint8Array, status: number): void {
    this.calls.push("upgrade");
    this.status = status;
    this.upgraded = { socket, firstBytes };
    this.#end();
  }
  onError(error: UpstreamError): void {
    this.calls.push("error");
    this.error = error;
    this.#end();
  }
  onDrain(): void {
    this.calls.push("drain");
  }
}

/** Send a request and wait until its exchange has ended. */
export async function exchange(pool: Pool, origin: Origin, parts?: Partial<UpstreamRequest>): Promise<Recorder> {
  const recorder = new Recorder();
  pool.request(origin, requestOf(parts), recorder);
  await recorder.ended;
  return recorder;
}

/** Write a body in pieces, waiting for the exchange's `onDrain` where it asks for it. */
export async function writeAll(to: UpstreamExchange, recorder: Recorder, pieces: Iterable<Uint8Array>): Promise<void> {
  for (const piece of pieces) {
    const drains = recorder.calls.filter((call) => call === "drain").length;
    if (to.write(piece)) continue;
    await until(() => !to.writable || recorder.calls.filter((call) => call === "drain").length > drains);
  }
}

/** Wait for a condition that something else brings about. */
export async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !condition(); await wait(1)) {
    if (Date.now() > end) throw new Error(`still not so: ${condition}`);
  }
}

/** A wire that keeps what it is told; nothing happens of itself. */
export class TestWire extends Wire {
  /** How often something was written that the system did not take. */
  blocks = 0;
  drains = 0;
  readonly errors: NodeJS.ErrnoException[] = [];
  readonly #received: (bytes: Buffer) => void;

  constructor(source: WireSource, received: (bytes: Buffer) => void = () => {}) {
    super(source);
    this.#received = received;
  }

  received(bytes: Buffer): void {
    this.#received(bytes);
  }

  protected blocked(): void {
    this.blocks += 1;
  }

  protected drained(): void {
    this.drains += 1;
  }

  protected ended(): void {}

  protected failed(error: Error): void {
    this.errors.push(error);
  }

  protected closed(): void {}

  protected expired(): void {}

  /** Write now; false means that not all was taken. */
  write(data: string | Uint8Array): boolean {
    const before = this.blocks;
    if (typeof data === "string") this.text(data);
    else this.piece(data, false);
    this.flush();
    return this.blocks === before;
  }
}
