import type { Duplex } from "node:stream";
import {
  type Headers,
  HttpMessageError,
  type ResponseBody,
  type UpstreamBody,
  type UpstreamError,
  type UpstreamExchange,
  type UpstreamHandler,
} from "../http1/index.ts";
import { finishProxied, proxiedHeaders } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import type { BodySink } from "./request-body.ts";
import { NameError } from "./resolver.ts";
import { serverError } from "./response.ts";
import type { Target } from "./target.ts";
import { tunnel } from "./tunnel.ts";
import { isWebSocket, upstreamHeaders } from "./upstream-headers.ts";
import { upstreamTarget } from "./upstream-path.ts";

/** Methods that a server may have acted on even though no answer came: they are not sent twice. Source: SPEC-proxy §7. */
const NOT_REPEATABLE = new Set(["POST", "LOCK", "PATCH"]);

/** The part of an exchange that talks to the upstream: attempts, the answer's way back, and the tunnel after an upgrade. */
export class Proxying implements UpstreamHandler, BodySink {
  /** The upstream could not be had; the answer is an error in the form of a proxied one. */
  failed = false;
  readonly #exchange: Exchange;
  readonly #target: Target;
  readonly #websocket: boolean;
  #path = "";
  #headers: Headers | undefined;
  #addresses: readonly string[] = [];
  #turn = 0;
  #retriesLeft: number;
  #upstream: UpstreamExchange | undefined;
  #startMs = 0;
  #headMs = 0;
  #reason = "";
  /** What came while the header filters were waiting; undefined once the head has been sent. */
  #held: Uint8Array[] | undefined = [];
  #heldEnd: { trailers: Headers | undefined } | undefined;
  #switched: { socket: Duplex; firstBytes: Uint8Array } | undefined;
  #bodyBytes = 0;
  #abandoned = false;

  constructor(exchange: Exchange, target: Target) {
    this.#exchange = exchange;
    this.#target = target;
    this.#websocket = isWebSocket(exchange.inbound);
    this.#retriesLeft = target.retries;
  }

  start(): void {
    const { ctx, parts } = this.#exchange;
    if (!this.#target.isHttp) {
      const message = `proxying '${this.#target.service.protocol}' services is not supported`;
      return this.#exchange.answer(ctx.response.error(501, message));
    }
    const match = ctx.match!;
    const query = ctx.service.request.rawQuery;
    this.#path = upstreamTarget(match.route.upstreamPath, ctx.path, match.prefix, query === undefined ? "" : `?${query}`);
    const addresses = parts.resolver.resolve(this.#target.host);
    if (addresses instanceof Promise) addresses.then((found) => this.#begin(found)).catch((error) => this.#unresolved(error));
    else this.#begin(addresses);
  }

  #unresolved(error: unknown): void {
    const { ctx, parts } = this.#exchange;
    if (!(error instanceof NameError)) return this.#exchange.crash(error);
    parts.log.error("name resolution failed", { request_id: ctx.request.id, host: this.#target.host });
    this.#exchange.answer(ctx.response.error(503, "name resolution failed"));
  }

  #begin(addresses: readonly string[]): void {
    if (this.#abandoned) return;
    this.#addresses = addresses;
    this.#startMs = this.#exchange.parts.clock();
    this.#headers = upstreamHeaders(this.#exchange.ctx, this.#target, this.#exchange.parts.settings.product, this.#websocket);
    this.#attempt();
  }

  #attempt(): void {
    const { ctx, parts, inbound } = this.#exchange;
    const target = this.#target;
    const address = this.#addresses[this.#turn++ % this.#addresses.length]!;
    const body = this.#framing();
    this.#bodyBytes = 0;
    try {
      this.#upstream = parts.pool.request(
        target.originAt(address),
        {
          method: inbound.method,
          target: this.#path,
          headers: this.#headers!,
          body,
          connectTimeoutMs: target.connectTimeoutMs,
          writeTimeoutMs: target.writeTimeoutMs,
          readTimeoutMs: target.readTimeoutMs,
        },
        this,
      );
    } catch (error) {
      if (error instanceof HttpMessageError) return this.#exchange.refuse(400);
      throw error;
    }
    if (body !== undefined && !(body instanceof Uint8Array)) ctx.request.body.flowTo(this);
  }

  #framing(): UpstreamBody {
    const { body, inbound } = this.#exchange.ctx.request;
    if (inbound.framing.kind === "none" && body.length === 0) return undefined;
    const bytes = body.bytes;
    if (bytes) return bytes;
    const { length } = body;
    return length === undefined ? { chunked: true } : { length };
  }

  // ----- the request's body, on its way to the upstream

  take(chunk: Uint8Array): boolean {
    const limit = this.#exchange.parts.settings.client_max_body_size;
    this.#bodyBytes += chunk.length;
    if (limit > 0 && this.#bodyBytes > limit) {
      this.abandon();
      this.#exchange.refuse(413);
      return true;
    }
    return this.#upstream!.write(chunk);
  }

  takeEnd(trailers: Headers | undefined): void {
    if (!this.#abandoned) this.#upstream!.end(trailers);
  }

  onDrain(): void {
    this.#exchange.ctx.request.body.resume();
  }

  // ----- the upstream's answer, on its way to the client

  onInformational(status: number, reason: string, headers: Headers): void {
    // 100 and 102 concern this connection only; what remains (103 Early Hints) is for the client.
    if (status > 102 && this.#exchange.inbound.httpVersion !== "1.0") this.#exchange.inbound.inform(status, reason, headers);
  }

  onHead(status: number, reason: string, headers: Headers, _version: string, body: ResponseBody): void {
    const { ctx, parts } = this.#exchange;
    this.#headMs = parts.clock();
    this.#reason = reason;
    ctx.response.status = status;
    ctx.response.headers = proxiedHeaders(ctx, { status, headers, body }, parts.fields);
    this.#exchange.filter(this);
    if (this.#held) this.#upstream?.pause();
  }

  /** The header filters are done: send the head and what was held back meanwhile. */
  send(): void {
    this.finish();
    if (this.#switched) return this.#tunnel(this.#switched);
    this.#exchange.sendHead(this.#reason);
    const held = this.#held!;
    this.#held = undefined;
    let flowing = true;
    for (const chunk of held) flowing = this.onBody(chunk);
    if (this.#heldEnd) this.onEnd(this.#heldEnd.trailers);
    else if (flowing) this.#upstream!.resume();
  }

  /** Add the fields that only an answer of the proxied kind has. */
  finish(): void {
    const { ctx, parts } = this.#exchange;
    const headMs = this.#headMs || parts.clock();
    finishProxied(ctx, parts.fields, { upstreamMs: headMs - this.#startMs, proxyMs: this.#startMs - ctx.startMs });
  }

  onBody(chunk: Uint8Array): boolean {
    if (this.#held) {
      this.#held.push(chunk);
      return false;
    }
    this.#exchange.bytesSent += chunk.length;
    return this.#exchange.inbound.write(chunk);
  }

  onEnd(trailers: Headers | undefined): void {
    if (this.#held) {
      this.#heldEnd = { trailers };
      return;
    }
    const wanted = trailers && this.#exchange.ctx.request.headers.get("te")?.includes("trailers");
    this.#exchange.inbound.end(undefined, wanted ? trailers : undefined);
    this.#exchange.end();
  }

  clientDrained(): void {
    this.#upstream?.resume();
  }

  onUpgrade(socket: Duplex, firstBytes: Uint8Array, status: number, reason: string, headers: Headers): void {
    if (!this.#websocket) {
      socket.destroy();
      return this.#fail(502);
    }
    this.#switched = { socket, firstBytes };
    this.onHead(status, reason, headers, "1.1", { kind: "none" });
  }

  #tunnel({ socket, firstBytes }: { socket: Duplex; firstBytes: Uint8Array }): void {
    const { ctx, inbound } = this.#exchange;
    ctx.response.headers.set("Connection", "Upgrade");
    ctx.response.headers.set("Upgrade", "websocket");
    const client = inbound.upgrade(101, this.#reason, ctx.response.headers);
    socket.write(client.firstBytes);
    client.socket.write(firstBytes);
    const { readTimeoutMs, writeTimeoutMs } = this.#target;
    tunnel(client.socket, socket, Math.max(readTimeoutMs, writeTimeoutMs), () => this.#exchange.end());
  }

  // ----- failure

  onError(error: UpstreamError): void {
    const { ctx, parts } = this.#exchange;
    if (this.#abandoned) return;
    parts.log.error("upstream failed", {
      request_id: ctx.request.id,
      code: error.code,
      upstream: `${this.#target.host}:${this.#target.port}`,
      cause: (error.cause as { code?: string } | undefined)?.code,
    });
    if (this.#headMs > 0) return this.#exchange.breakOff();
    if (this.#mayRetry(error)) return this.#attempt();
    this.#fail(error.code.endsWith("_TIMEOUT") ? 504 : 502);
  }

  /**
   * Whether to try again: no byte of an answer came, all of the request can be sent again, and either nothing was sent yet or
   * the method may be repeated. A pooled connection that had gone stale costs none of the service's retries.
   */
  #mayRetry(error: UpstreamError): boolean {
    const { body } = this.#exchange.ctx.request;
    if (error.responseStarted || !body.isRepeatable) return false;
    if (error.phase !== "connect" && NOT_REPEATABLE.has(this.#exchange.inbound.method)) return false;
    if (error.reused && error.code === "ERR_UPSTREAM_RESET") return true;
    return this.#retriesLeft-- > 0;
  }

  #fail(status: number): void {
    const { ctx, parts } = this.#exchange;
    this.failed = true;
    this.#headMs = parts.clock();
    this.#exchange.answer(serverError(status, ctx.request.headers, ctx.request.id, parts.settings.error_default_type));
  }

  /** Nobody waits for the upstream's answer any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#upstream?.abort();
    this.#switched?.socket.destroy();
  }
}
