// express with express-session (in memory) and http-proxy-middleware: `node express.js PORT UPSTREAM`
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import express from "express";
import session from "express-session";
import { createProxyMiddleware } from "http-proxy-middleware";

const [port, target] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const app = express();

app.use("/proxy", createProxyMiddleware({ target, agent }));
app.use(
  "/session",
  session({ secret: randomBytes(32).toString("hex"), resave: false, saveUninitialized: false }),
  (request, response, next) => {
    if (request.query.apikey === "open_sesame") request.session.user = "fiona";
    else if (!request.session.user) return response.status(403).end();
    next();
  },
  createProxyMiddleware({
    target,
    agent,
    on: { proxyReq: (outgoing, request) => outgoing.setHeader("x-consumer-username", request.session.user) },
  }),
);
app.listen(Number(port), "127.0.0.1");
