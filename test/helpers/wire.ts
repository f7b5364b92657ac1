import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import type { TestGateway } from "./gateway.ts";

/** A way into the gateway: HTTP/1.1 on the plain listener, on the TLS listener, or HTTP/2 on the latter. */
export interface Door {
  readonly name: "plain" | "tls" | "h2";
  readonly host: string;
  readonly port: number;
}

/** All three ways; `http1Of` leaves HTTP/2 out. */
export function doorsOf(gateway: TestGateway): readonly Door[] {
  const [plain, tls] = gateway.ports.proxy;
  return [
    { name: "plain", host: "127.0.0.1", port: plain! },
    { name: "tls", host: "127.0.0.1", port: tls! },
    { name: "h2", host: "127.0.0.1", port: tls! },
  ];
}

export const http1Of = (gateway: TestGateway): readonly Door[] => doorsOf(gateway).slice(0, 2);

/** An answer as it was on the wire; header names keep their case, trailers are lower-case. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** name, value, name, value … in wire order */
  readonly list: readonly string[];
  readonly body: string;
  readonly length: number;
  readonly trailers: Readonly<Record<string, string>>;
  /** Informational answers before it: status and fields. */
  readonly informational: readonly { readonly status: number; readonly list: readonly string[] }[];
  /** The first value of a field, in any case. */
  field(name: string): string | undefined;
  fields(name: string): string[];
  /** What the echo upstream saw. */
  picture(): Picture;
}

/** The echo upstream's JSON picture of a request. */
export interface Picture {
  readonly method: string;
  readonly url: string;
  readonly body: string | null;
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers?: readonly (readonly [string, string])[];
  /** The values of a header, in any case. */
  seen(name: string): string[];
}

export interface Asked {
  readonly method?: string;
  /** The whole request target. */
  readonly path?: string;
  /** name, value, name, value …; `Host` is added where it is missing. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

class Head {
  readonly status: number;
  readonly reason: string;
  readonly list: readonly string[];

  constructor(status: number, reason: string, list: readonly string[]) {
    this.status = status;
    this.reason = reason;
    this.list = list;
  }

  fields(name: string): string[] {
    const lower = name.toLowerCase();
    return this.list.filter((_, i) => i % 2 === 1 && this.list[i - 1]!.toLowerCase() === lower);
  }

  field(name: string): string | undefined {
    return this.fields(name)[0];
  }
}

class WholeAnswer extends Head implements Answer {
  readonly body: string;
  readonly length: number;
  readonly trailers: Readonly<Record<string, string>>;
  readonly informational: readonly Head[];

  constructor(head: Head, body: Buffer, trailers: Readonly<Record<string, string>>, informational: readonly Head[]) {
    super(head.status, head.reason, head.list);
    this.body = body.toString("latin1");
    this.length = body.length;
    this.trailers = trailers;
    this.informational = informational;
  }

  picture(): Picture {
    const picture = JSON.parse(Buffer.from(this.body, "latin1").toString("utf8")) as Omit<Picture, "seen">;
    const seen = (name: string) =>
      picture.headers.filter(([field]) => field.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
    return { ...picture, seen };
  }
}

/** An HTTP/1.1 client that sends what it is told to, valid or not. */
export class Wire {
  readonly socket: Socket;
  /** Everything that came and was not taken yet. */
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};
  readonly closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    this.closed = new Promise<void>((resolve) => {
      socket.on("close", () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", () => socket.destroy());
  }

  send(bytes: string | Buffer): boolean {
    return this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Write a request down and send it. */
  ask({ method = "GET", path = "/", headers = [], body }: Asked): void {
    const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    let head = `${method} ${path} HTTP/1.1\r\n`;
    if (!names.includes("host")) head += "Host: gateway.test\r\n";
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    const framed = names.includes("content-length") || names.includes("transfer-encoding");
    if (body !== undefined && !framed) head += `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    this.send(Buffer.concat([Buffer.from(`${head}\r\n`, "latin1"), Buffer.from((body as string) ?? "")]));
  }

  /** The next head, informational ones included. */
  async head(): Promise<Head> {
    const text = (await this.#until("\r\n\r\n")).toString("latin1");
    const [line = "", ...lines] = text.slice(0, -4).split("\r\n");
    const [, status = "", reason = ""] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(line) ?? [];
    if (status === "") throw new Error(`no status line: ${JSON.stringify(line)}`);
    return new Head(
      Number(status),
      reason,
      lines.flatMap((field) => [field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1).trim()]),
    );
  }

  /** The next answer, whole; `method` is that of its request. Throws when it is cut. */
  async answer(method = "GET"): Promise<Answer> {
    const informational: Head[] = [];
    let head = await this.head();
    for (; head.status < 200; head = await this.head()) informational.push(head);
    const trailers: Record<string, string> = {};
    const body = await this.#body(head, method, trailers);
    return new WholeAnswer(head, body, trailers, informational);
  }

  async #body(head: Head, method: string, trailers: Record<string, string>): Promise<Buffer> {
    if (method === "HEAD" || head.status === 204 || head.status === 304) return Buffer.alloc(0);
    const length = head.field("content-length");
    if (length !== undefined) return this.#take(Number(length));
    if (head.field("transfer-encoding") === "chunked") return this.#chunks(trailers);
    while (!this.#ended) await this.#more();
    return this.#take(this.#bytes.length);
  }

  async #chunks(trailers: Record<string, string>): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt((await this.#until("\r\n")).toString("latin1"), 16);
      if (size === 0) break;
      pieces.push(await this.#take(size));
      await this.#take(2);
    }
    for (;;) {
      const line = (await this.#until("\r\n")).toString("latin1").trim();
      if (line === "") return Buffer.concat(pieces);
      trailers[line.slice(0, line.indexOf(":")).toLowerCase()] = line.slice(line.indexOf(":") + 1).trim();
    }
  }

  /** The bytes up to and with these. */
  async #until(mark: string): Promise<Buffer> {
    for (;;) {
      const at = this.#bytes.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      await this.#more();
    }
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length) await this.#more();
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new Error(`cut after ${JSON.stringify(this.#bytes.toString("latin1").slice(0, 200))}`);
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Everything until the other side closes. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#more();
    return (await this.#take(this.#bytes.length)).toString("latin1");
  }
}

/** Open a connection for HTTP/1.1; it is destroyed with the test. */
export async function open(
  t: TestContext,
  door: Pick<Door, "name" | "host" | "port">,
  servername?: string,
): Promise<Wire> {
  const { host, port } = door;
  const socket =
    door.name === "plain"
      ? connectTcp({ host, port })
      : connectTls({
          host,
          port,
          rejectUnauthorized: false,
          ALPNProtocols: ["http/1.1"],
          ...(servername && { servername }),
        });
  t.after(() => socket.destroy());
  await once(socket, door.name === "plain" ? "connect" : "secureConnect");
  return new Wire(socket);
}

/** One request on a connection of its own, and its answer. */
export async function ask(t: TestContext, door: Door, asked: Asked = {}): Promise<Answer> {
  if (door.name === "h2") return askHttp2(t, door, asked);
  const wire = await open(t, door);
  wire.ask(asked);
  const answer = await wire.answer(asked.method);
  wire.socket.destroy();
  return answer;
}

/** Open an HTTP/2 session; it is destroyed with the test. */
export function openHttp2(t: TestContext, { host, port }: Pick<Door, "host" | "port">) {
  const session = connectHttp2(`https://${host.includes(":") ? `[${host}]` : host}:${port}`, {
    rejectUnauthorized: false,
    maxSendHeaderBlockLength: 1_000_000,
  });
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}

async function askHttp2(
  t: TestContext,
  door: Door,
  { method = "GET", path = "/", headers = [], body }: Asked,
): Promise<Answer> {
  const session = openHttp2(t, door);
  const fields: Record<string, string | string[]> = {
    ":method": method,
    ":path": path,
    ":authority": "gateway.test",
  };
  for (let i = 0; i < headers.length; i += 2) {
    const lower = headers[i]!.toLowerCase();
    const name = lower === "host" ? ":authority" : lower;
    const known = name === ":authority" ? undefined : fields[name];
    fields[name] = known === undefined ? headers[i + 1]! : [known, headers[i + 1]!].flat();
  }
  const stream = session.request(fields, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const informational: Head[] = [];
  const trailers: Record<string, string> = {};
  const chunks: Buffer[] = [];
  let head: Head | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: the list is not in the types
  const headOf = (fields: any, raw: string[]) => new Head(Number(fields[":status"]), "", raw.slice(2));
  // biome-ignore lint/suspicious/noExplicitAny: see above
  stream.on("headers", (fields: any, _flags: number, raw: any) => informational.push(headOf(fields, raw)));
  // biome-ignore lint/suspicious/noExplicitAny: see above
  stream.on("response", (fields: any, _flags: number, raw: any) => (head = headOf(fields, raw)));
  stream.on("trailers", (fields) => Object.assign(trailers, fields));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close");
  session.destroy();
  if (stream.rstCode !== 0 && stream.rstCode !== 8) throw new Error(`stream reset with ${stream.rstCode}`);
  if (!head) throw new Error("no answer");
  return new WholeAnswer(head, Buffer.concat(chunks), trailers, informational);
}
