import { Headers } from "../http1/index.ts";
import { exitHeaders, finishExit } from "./answer.ts";
import { type AnswerOwner, Chain } from "./chain.ts";
import { Context } from "./context.ts";
import type { GatewayParts } from "./gateway.ts";
import type { Inbound } from "./inbound.ts";
import { normalizePath } from "./path.ts";
import { protocolRefusal } from "./protocols.ts";
import { Proxying } from "./proxying.ts";
import { type Exit, reasonOf, serverError } from "./response.ts";
import type { RouteInput } from "./router.ts";
import { hostName, hostPort } from "./router-hosts.ts";
import type { Snapshot } from "./snapshot.ts";

const NO_PLUGINS = new Chain([]);

/**
 * One request from being read to being logged: route, access phase, then either an answer of the gateway's own or the
 * upstream's, header filters, log. It ends once: with the answer complete or with the client gone.
 */
export class Exchange implements AnswerOwner {
  readonly ctx: Context;
  readonly parts: GatewayParts;
  readonly inbound: Inbound;
  chain: Chain = NO_PLUGINS;
  /** Bytes of body sent to the client. */
  bytesSent = 0;
  #exit: Exit | undefined;
  #proxying: Proxying | undefined;
  #hasHead = false;
  #ended = false;

  constructor(inbound: Inbound, parts: GatewayParts) {
    this.inbound = inbound;
    this.parts = parts;
    this.ctx = new Context(inbound, parts, this);
  }

  get ended(): boolean {
    return this.#ended;
  }

  start(snapshot: Snapshot): void {
    const { ctx, inbound } = this;
    const path = inbound.method === "TRACE" ? undefined : normalizePath(ctx.request.path);
    if (path === undefined) return this.refuse(inbound.method === "TRACE" ? 405 : 400);
    const limit = this.parts.settings.client_max_body_size;
    if (limit > 0 && (ctx.request.body.length ?? 0) > limit) return this.refuse(413);
    ctx.path = path;
    ctx.match = snapshot.router.match(routeInput(ctx));
    if (!ctx.match) {
      this.chain = new Chain(snapshot.slots(undefined));
      this.chain.skipAccess(ctx);
      return this.answer(ctx.response.error(404, "no Route matched with those values"));
    }
    const refusal = protocolRefusal(ctx, ctx.match.route);
    if (refusal) return this.answer(refusal);
    this.chain = new Chain(snapshot.slots(ctx.match.route.row));
    try {
      const result = this.chain.access(ctx);
      if (result instanceof Promise) result.then((exit) => this.#afterAccess(exit)).catch((error) => this.crash(error));
      else this.#afterAccess(result);
    } catch (error) {
      this.crash(error);
    }
  }

  #afterAccess(exit: Exit | undefined): void {
    if (this.#ended) return;
    if (exit) return this.answer(exit);
    const target = this.ctx.match!.route.row.target;
    if (!target) return this.answer(this.ctx.response.error(503, "no Service found with those values"));
    this.#proxying = new Proxying(this, target);
    this.#proxying.start();
  }

  /** Answer an error of the server level and end the connection: what the client sent cannot be served. */
  refuse(status: number): void {
    const { request } = this.ctx;
    const exit = serverError(status, request.headers, request.id, this.parts.settings.error_default_type);
    this.answer({ ...exit, close: true });
  }

  /** Answer with what the gateway made itself. */
  answer(exit: Exit): void {
    this.#become(exit);
    this.filter(this);
  }

  #become(exit: Exit): void {
    const { ctx } = this;
    this.#exit = exit;
    ctx.response.status = exit.status;
    ctx.response.headers = exitHeaders(ctx, exit, this.parts.clock());
  }

  /** Run the header filters over `ctx.response`, then have `sender` send it. */
  filter(sender: { send(): void }): void {
    try {
      const filtered = this.chain.headerFilter(this.ctx, this);
      if (filtered instanceof Promise) filtered.then(() => this.#filtered(sender)).catch((error) => this.crash(error));
      else this.#filtered(sender);
    } catch (error) {
      this.crash(error);
    }
  }

  #filtered(sender: { send(): void }): void {
    if (this.#ended) return;
    if (this.#exit) this.send();
    else sender.send();
  }

  /** A header filter wants this answer instead; nothing that was prepared for the other one stays. */
  replace(exit: Exit): void {
    this.#proxying?.abandon();
    this.ctx.response.headers = new Headers();
    this.#become(exit);
  }

  /** Send the gateway's own answer. */
  send(): void {
    const { ctx, inbound } = this;
    const exit = this.#exit!;
    if (!this.#proxying?.failed) finishExit(ctx, this.parts.fields, this.parts.clock());
    else this.#proxying.finish();
    this.sendHead(reasonOf(exit.status));
    if (inbound.method === "HEAD" || exit.status === 204 || exit.status === 304) inbound.end();
    else {
      this.bytesSent = Buffer.byteLength(exit.body);
      inbound.end(exit.body);
    }
    this.end();
  }

  sendHead(reason: string): void {
    this.#hasHead = true;
    this.inbound.head(this.ctx.response.status, reason, this.ctx.response.headers);
  }

  /** Something threw that should not: 500, or a broken connection when the answer is already on its way. */
  crash(error: unknown): void {
    this.parts.log.error("a request failed", { request_id: this.ctx.request.id, error });
    if (this.#ended) return;
    if (this.#hasHead) {
      this.#proxying?.abandon();
      return this.breakOff();
    }
    this.replace(this.ctx.response.exit(500, { message: "An unexpected error occurred" }));
    this.send();
  }

  /** The answer cannot be completed: the client must see that it is cut. */
  breakOff(): void {
    this.inbound.destroy();
    this.end();
  }

  /** The answer is complete, or will never be. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.chain.log(this.ctx);
      this.parts.onEnd(this);
    } catch (error) {
      this.parts.log.error("a log phase failed", { request_id: this.ctx.request.id, error });
    }
  }

  onDrain(): void {
    this.#proxying?.clientDrained();
  }

  onAbort(): void {
    if (this.#ended) return;
    this.#proxying?.abandon();
    // nginx's own status for a client that did not wait for the answer; it is only logged.
    if (!this.#hasHead) this.ctx.response.status = 499;
    this.end();
  }
}

function routeInput({ request, path }: Context): RouteInput {
  const { connection } = request.inbound;
  const host = request.headers.get("host") ?? "";
  return {
    method: request.method,
    host: hostName(host),
    port: hostPort(host) ?? connection.localPort,
    path,
    headers: request.headers,
    tls: connection.tls,
    serverName: connection.serverName,
  };
}
