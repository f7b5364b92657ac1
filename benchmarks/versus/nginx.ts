import { join } from "node:path";
import { startNginx } from "../harness/nginx.ts";
import { freePort } from "../harness/processes.ts";
import type { Subject } from "../harness/subject.ts";
import type { VersusParts } from "./index.ts";

/** Plain nginx: `proxy_pass` over kept connections, buffers of 64 KiB, request bodies passed on as they come. */
export async function startNginxPeer({ cores, folder, upstream, cleanup }: VersusParts): Promise<Subject> {
  const port = await freePort();
  const server = await startNginx({
    cores,
    on: cores.subject,
    folder: join(folder, "nginx"),
    port,
    http: `upstream small { server ${upstream.small.slice(7)}; keepalive 256; keepalive_requests 1000000000; }
upstream bodies { server ${upstream.bodies.slice(7)}; keepalive 256; keepalive_requests 1000000000; }
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
client_max_body_size 0;
server {
  listen 127.0.0.1:${port};
  location / { proxy_pass http://small; }
  location /bodies/ {
    proxy_pass http://bodies;
    proxy_request_buffering off;
    proxy_buffer_size 64k;
    proxy_buffers 16 64k;
    proxy_busy_buffers_size 128k;
    client_body_buffer_size 64k;
  }
}`,
  });
  cleanup.defer(server.stop);
  return { name: "nginx", url: `http://127.0.0.1:${port}`, pid: server.pid, works: ["proxy", "bodies"] };
}
