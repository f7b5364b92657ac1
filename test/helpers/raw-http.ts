import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { TestContext } from "node:test";

/** Listen on a free port of the loopback until the test ends; answers the port. */
export async function listen(t: TestContext, handler: RequestListener, options: ServerOptions = {}): Promise<number> {
  const server: Server = createServer(options, handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Send bytes as they are, and read until the other side closes. What comes back is latin1 text. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => socket.destroy());
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

/** An answer's parts; `fields` are the names of its header fields in their order. */
export interface RawAnswer {
  readonly status: string;
  readonly fields: readonly string[];
  readonly body: string;
  field(name: string): string | undefined;
}

export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [status = "", ...lines] = text.slice(0, end).split("\r\n");
  const fields = lines.map(
    (line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()] as const,
  );
  return {
    status: status.replace("HTTP/1.1 ", ""),
    fields: fields.map(([name]) => name),
    body: text.slice(end + 4),
    field: (name) => fields.find(([field]) => field === name)?.[1],
  };
}

/** Send one request and read its answer. `head` is the request line's method and target, and any header fields. */
export async function ask(
  port: number,
  [line, ...fields]: readonly string[],
  body?: string | Buffer,
): Promise<RawAnswer> {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`${line} HTTP/1.1`, "Host: localhost", "Connection: close", ...length, ...fields, "", ""].join("\r\n");
  return parseAnswer(await exchange(port, Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body ?? "")])));
}
