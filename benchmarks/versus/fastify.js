// fastify with @fastify/secure-session and @fastify/http-proxy: `node fastify.js PORT UPSTREAM`
import { randomBytes } from "node:crypto";
import proxy from "@fastify/http-proxy";
import secureSession from "@fastify/secure-session";
import Fastify from "fastify";

const [port, upstream] = process.argv.slice(2);
const app = Fastify();

app.register(proxy, { upstream, prefix: "/proxy" });
app.register(async (scope) => {
  scope.register(secureSession, { key: randomBytes(32), cookie: { path: "/", httpOnly: true } });
  scope.register(proxy, {
    upstream,
    prefix: "/session",
    preHandler: async (request, reply) => {
      if (request.query.apikey === "open_sesame") request.session.set("user", "fiona");
      else if (!request.session.get("user")) return reply.code(403).send();
    },
    replyOptions: {
      rewriteRequestHeaders: (request, headers) => ({ ...headers, "x-consumer-username": request.session.get("user") }),
    },
  });
});
await app.listen({ port: Number(port), host: "127.0.0.1" });
