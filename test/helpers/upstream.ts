import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import type { SecureContextOptions, TLSSocket } from "node:tls";

/** A server behind the gateway, which lives as long as its test. */
export interface Upstream {
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far, and those still open. */
  readonly accepted: number;
  readonly open: ReadonlySet<Socket>;
  close(): void;
}

interface Options {
  readonly host?: string;
  readonly tls?: SecureContextOptions;
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** An upstream on Node's HTTP server. */
export function startUpstream(
  t: TestContext,
  answer: RequestListener,
  { host, tls, upgrade }: Options = {},
): Promise<Upstream> {
  const server = tls ? createHttpsServer(tls, answer) : createServer(answer);
  if (upgrade) server.on("upgrade", upgrade);
  return start(t, server, host, tls ? "https" : "http");
}

/** An upstream that does with its connections whatever `serve` does; they are counted from 1. */
export function startRawUpstream(t: TestContext, serve: (socket: Socket, number: number) => void): Promise<Upstream> {
  let number = 0;
  return start(
    t,
    createTcpServer((socket) => serve(socket, ++number)),
  );
}

async function start(
  t: TestContext,
  server: Server | HttpServer,
  host = "127.0.0.1",
  scheme = "http",
): Promise<Upstream> {
  const open = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => open.delete(socket));
  });
  server.on("secureConnection", (socket: TLSSocket) => socket.on("error", () => socket.destroy()));
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  t.after(close);
  return {
    url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    get accepted() {
      return accepted;
    },
    open,
    close,
  };
}
