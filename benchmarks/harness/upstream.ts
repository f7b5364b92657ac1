import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Cores } from "./cores.ts";
import { startNginx } from "./nginx.ts";
import { freePort, startServer } from "./processes.ts";
import { SMALL } from "./upstream-answers.ts";

/** What stands behind every gateway: `http://127.0.0.1:port` each. */
export interface Upstream {
  /** Answers 126 bytes; an nginx where there is one. */
  readonly small: string;
  /** Takes and gives large bodies. */
  readonly bodies: string;
}

export interface UpstreamOptions {
  readonly cores: Cores;
  readonly folder: string;
  readonly hasNginx: boolean;
  readonly cleanup: AsyncDisposableStack;
}

export async function startUpstream({ cores, folder, hasNginx, cleanup }: UpstreamOptions): Promise<Upstream> {
  const port = await freePort();
  const bodies = `http://127.0.0.1:${port}`;
  const command = [process.execPath, fileURLToPath(new URL("./upstream-server.ts", import.meta.url)), `${port}`];
  const server = await startServer(command, { cores, on: cores.load, ready: bodies });
  cleanup.defer(server.stop);
  if (!hasNginx) return { small: bodies, bodies };

  const nginxPort = await freePort();
  const nginx = await startNginx({
    cores,
    on: cores.load,
    folder: join(folder, "upstream"),
    port: nginxPort,
    http: `default_type application/json;
server {
  listen 127.0.0.1:${nginxPort};
  location / { return 200 '${SMALL}'; }
  location ~ /check$ {
    return 200 '{"consumer":"$http_x_consumer_username","id":"$http_x_consumer_id","anonymous":"$http_x_anonymous_consumer"}';
  }
}`,
  });
  cleanup.defer(nginx.stop);
  return { small: `http://127.0.0.1:${nginxPort}`, bodies };
}
