// iron-session with http-proxy-middleware on node:http: `node iron-session.js PORT UPSTREAM`
import { randomBytes } from "node:crypto";
import { Agent, createServer } from "node:http";
import { createProxyMiddleware } from "http-proxy-middleware";
import { getIronSession } from "iron-session";

const [port, target] = process.argv.slice(2);
const options = { password: randomBytes(32).toString("hex"), cookieName: "session", cookieOptions: { secure: false } };
const users = new WeakMap();
const proxy = createProxyMiddleware({
  target,
  agent: new Agent({ keepAlive: true }),
  pathRewrite: { "^/session": "" },
  on: { proxyReq: (outgoing, request) => outgoing.setHeader("x-consumer-username", users.get(request)) },
});

createServer(async (request, response) => {
  const session = await getIronSession(request, response, options);
  if (request.url.includes("apikey=open_sesame")) {
    session.user = "fiona";
    await session.save();
  } else if (!session.user) {
    response.writeHead(403).end();
    return;
  }
  users.set(request, session.user);
  await proxy(request, response);
}).listen(Number(port), "127.0.0.1");
