import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { type HttpApi, serverOptions } from "../admin/index.ts";
import type { Settings } from "../settings.ts";
import { listenFault } from "./process.ts";

/** The open listeners of an API. */
export interface ApiListeners {
  /** In the order of the setting. */
  readonly ports: readonly number[];
  /** Stop accepting, finish what is under way within the time. */
  close(graceMs: number): Promise<void>;
}

/** While a server closes, connections that have become idle are looked for this often. */
const SWEEP_MS = 50;

/** Open the listeners of an API on `node:http`. Throws CommandError when one cannot be had. */
export async function openApi(
  setting: "admin_listen" | "status_listen",
  settings: Settings,
  api: HttpApi,
  tls: SecureContextOptions,
): Promise<ApiListeners> {
  const handle = (request: IncomingMessage, response: ServerResponse) => api.handle(request, response);
  const servers: Server[] = [];
  const ports: number[] = [];
  const close = async (graceMs: number) => {
    await Promise.all(servers.map((server) => closeServer(server, graceMs)));
  };
  for (const { ip, port, ssl, backlog, listener } of settings[setting]) {
    const server = ssl ? createTlsServer({ ...serverOptions, ...tls }, handle) : createServer(serverOptions, handle);
    try {
      await listen(server, { host: ip, port, backlog });
    } catch (error) {
      await close(0);
      throw listenFault(error, `${setting}: ${listener}`);
    }
    servers.push(server);
    ports.push((server.address() as AddressInfo).port);
  }
  return { ports, close };
}

function listen(server: Server, address: { host: string; port: number; backlog: number | undefined }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Answers that were promised a next request keep their connection open, hence the sweeping. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(sweep);
  clearTimeout(cut);
}
