import { fields, Headers, type ResponseBody } from "../http1/index.ts";
import { exitHeaders, finishExit, nameMatch } from "./answer.ts";
import { type AnswerOwner, Chain } from "./chain.ts";
import { Context } from "./context.ts";
import { failureAnswer } from "./failures.ts";
import type { GatewayParts } from "./gateway.ts";
import type { Inbound } from "./inbound.ts";
import { normalizePath } from "./path.ts";
import { protocolRefusal } from "./protocols.ts";
import { Proxying } from "./proxying.ts";
import type { BodyOwner } from "./request-body.ts";
import { type Exit, reasonOf, serverError } from "./response.ts";
import type { RouteInput } from "./router.ts";
import { readHost } from "./router-hosts.ts";
import type { Snapshot } from "./snapshot.ts";

const NO_PLUGINS = new Chain([]);

/** Before the answer is known; its header filters run, and may wait; its head has left; it is complete, or never will be. */
type Stage = "asked" | "filtering" | "sending" | "ended";

/**
 * One request from being read to being logged: route, access phase, then either an answer of the gateway's own or the
 * upstream's, header filters, log. It ends once: with the answer complete or with the client gone.
 */
export class Exchange implements AnswerOwner, BodyOwner {
  readonly ctx: Context;
  readonly parts: GatewayParts;
  readonly inbound: Inbound;
  chain: Chain = NO_PLUGINS;
  /** Bytes of body sent to the client. */
  bytesSent = 0;
  #stage: Stage = "asked";
  /** The gateway's own answer; undefined while the upstream's is on its way. */
  #exit: Exit | undefined;
  #proxying: Proxying | undefined;

  constructor(inbound: Inbound, parts: GatewayParts) {
    this.inbound = inbound;
    this.parts = parts;
    this.ctx = new Context(inbound, parts, this);
  }

  start(snapshot: Snapshot): void {
    try {
      const exit = this.#route(snapshot);
      if (exit) this.answer(exit);
      else this.#access(snapshot);
    } catch (error) {
      this.crash(error);
    }
  }

  /** Find the route; the answer where there is none, or where the request must not get to it. */
  #route(snapshot: Snapshot): Exit | undefined {
    const { ctx, inbound } = this;
    if (inbound.fault !== undefined) return this.refusal(inbound.fault);
    if (inbound.method === "TRACE") return this.refusal(405);
    const path = inbound.hasPlainPath ? ctx.request.path : normalizePath(ctx.request.path);
    if (path === undefined) return this.refusal(400);
    if (!ctx.request.isBodiless && this.isTooLarge(ctx.request.body.length ?? 0)) return this.refusal(413);
    ctx.path = path;
    ctx.match = snapshot.router.match(routeInput(ctx));
    if (!ctx.match) {
      this.chain = new Chain(snapshot.slots(undefined));
      this.chain.skipAccess(ctx);
      return ctx.response.error(404, "no Route matched with those values");
    }
    if (this.parts.settings.allow_debug_header && ctx.request.headers.get("kong-debug") === "1") {
      ctx.isDebugging = true;
      nameMatch(ctx);
    }
    return protocolRefusal(ctx, ctx.match.route);
  }

  #access(snapshot: Snapshot): void {
    const slots = snapshot.slots(this.ctx.match!.route.row);
    if (slots.length > 0) this.chain = new Chain(slots);
    const result = this.chain.access(this.ctx);
    if (result instanceof Promise) result.then((exit) => this.#afterAccess(exit)).catch((error) => this.crash(error));
    else this.#afterAccess(result);
  }

  /** Whether a request body of so many bytes is more than is proxied. */
  isTooLarge(bytes: number): boolean {
    const limit = this.parts.settings.client_max_body_size;
    return limit > 0 && bytes > limit;
  }

  #afterAccess(exit: Exit | undefined): void {
    if (this.#stage !== "asked") return;
    const target = this.ctx.match!.route.row.target;
    if (exit) {
      this.answer(exit);
    } else if (target && !target.isHttp) {
      const message = `proxying '${target.service.protocol}' services is not supported`;
      this.answer(this.ctx.response.error(501, message));
    } else if (target) {
      this.#proxying = new Proxying(this, target);
      this.#proxying.start();
    } else {
      this.answer(this.ctx.response.error(503, "no Service found with those values"));
    }
  }

  /** An error of the server level that ends the connection: what the client sent cannot be served. */
  refusal(status: number): Exit {
    return { ...this.failure(status), close: true };
  }

  /** An error of the server level in the form that suits this request. */
  failure(status: number): Exit {
    const { request } = this.ctx;
    return serverError(status, request.headers, request.id, this.parts.settings.error_default_type);
  }

  /** Answer with what the gateway made itself, in place of any other answer that is not on its way yet. */
  answer(exit: Exit): void {
    if (this.#stage === "asked") {
      this.#become(exit);
      this.filter(this);
    } else if (this.#stage === "filtering") {
      this.replace(exit);
    } else {
      this.breakOff();
    }
  }

  #become(exit: Exit): void {
    const { ctx } = this;
    this.#proxying?.abandon();
    this.#exit = exit;
    ctx.response.status = exit.status;
    ctx.response.headers = exitHeaders(ctx, exit, this.parts.clock());
  }

  /** Run the header filters over `ctx.response`, then have `sender` send it. */
  filter(sender: { send(): void }): void {
    this.#stage = "filtering";
    try {
      const filtered = this.chain.headerFilter(this.ctx, this);
      if (filtered instanceof Promise) filtered.then(() => this.#filtered(sender)).catch((error) => this.crash(error));
      else this.#filtered(sender);
    } catch (error) {
      this.crash(error);
    }
  }

  #filtered(sender: { send(): void }): void {
    if (this.#stage !== "filtering") return;
    if (this.#exit) this.send();
    else sender.send();
  }

  /** Another answer has come up while header filters run; nothing that was prepared for the first one stays. */
  replace(exit: Exit): void {
    this.ctx.response.headers = new Headers();
    this.#become(exit);
  }

  /** Send the gateway's own answer. */
  send(): void {
    const { ctx, inbound } = this;
    const exit = this.#exit!;
    if (this.#proxying?.failed) this.#proxying.finish();
    else finishExit(ctx, this.parts.fields, this.parts.clock());
    this.sendHead(reasonOf(exit.status));
    if (inbound.method === "HEAD" || exit.status === 204 || exit.status === 304) inbound.end();
    else {
      this.bytesSent = Buffer.byteLength(exit.body);
      inbound.end(exit.body);
    }
    this.end();
  }

  sendHead(reason: string): void {
    this.inbound.head(this.ctx.response.status, reason, this.ctx.response.headers);
    this.#stage = "sending";
  }

  /** The same with lines that were made of its fields already. */
  sendLines(reason: string, lines: string, body: ResponseBody): void {
    this.inbound.headLines!(this.ctx.response.status, reason, lines, body);
    this.#stage = "sending";
  }

  /** Something threw: an error's answer, or a broken connection when another answer is already on its way. */
  crash(error: unknown): void {
    this.parts.log.error("a request failed", { request_id: this.ctx.request.id, error });
    try {
      if (this.#stage === "sending" || this.#stage === "ended") throw error;
      this.replace(failureAnswer(this.ctx, error));
      this.send();
    } catch {
      this.breakOff();
    }
  }

  /** The answer cannot be completed: the client must see that it is cut. */
  breakOff(): void {
    if (this.#stage === "ended") return;
    this.#proxying?.abandon();
    this.inbound.destroy();
    this.end();
  }

  /** The answer is complete, or will never be. */
  end(): void {
    if (this.#stage === "ended") return;
    this.#stage = "ended";
    try {
      this.chain.log(this.ctx);
    } catch (error) {
      this.parts.log.error("a log phase failed", { request_id: this.ctx.request.id, error });
    }
    this.parts.onEnd(this);
  }

  onDrain(): void {
    this.#proxying?.clientDrained();
  }

  onFault(status: 400 | 408): void {
    this.answer(this.refusal(status));
  }

  onAbort(): void {
    if (this.#stage === "ended") return;
    this.#proxying?.abandon();
    // nginx's own status for a client that did not wait for the answer; it is only logged.
    if (this.#stage !== "sending") this.ctx.response.status = 499;
    this.end();
  }
}

function routeInput({ request, path }: Context): RouteInput {
  const { connection } = request.inbound;
  const host = readHost(request.headers.find(fields.host) ?? "");
  return {
    method: request.method,
    host: host.name,
    port: host.port ?? connection.localPort,
    path,
    headers: request.headers,
    tls: connection.tls,
    serverName: connection.serverName,
  };
}
