import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A running server of the quickstart's page. */
export interface PageServer {
  /** `http://host:port` */
  readonly url: string;
  close(): Promise<void>;
}

const FILES: readonly [path: string, file: string, type: string][] = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/page.css", "page.css", "text/css; charset=utf-8"],
  ["/page.js", "page.js", "text/javascript; charset=utf-8"],
  ["/icon.svg", "icon.svg", "image/svg+xml"],
];

/** Everything the page uses is its own; nothing may frame it, and no form of it leaves without its script. */
const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-cache",
};

/** Serve the page on a free port of this machine: the upstream of a route of the gateway. */
export async function startPageServer(): Promise<PageServer> {
  const folder = new URL("./quickstart-page/", import.meta.url);
  const files = new Map(
    FILES.map(([path, file, type]) => [path, { type, bytes: readFileSync(new URL(file, folder)) }] as const),
  );
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    const file = files.get(request.url!.split("?", 1)[0]!);
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (file && isRead) response.writeHead(200, { ...HEADERS, "Content-Type": file.type }).end(file.bytes);
    else if (file) response.writeHead(405, { ...HEADERS, Allow: "GET, HEAD" }).end();
    else
      response.writeHead(404, { ...HEADERS, "Content-Type": "text/plain" }).end("There is nothing at this address.\n");
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
