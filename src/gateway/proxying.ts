import type { Duplex } from "node:stream";
import {
  fields,
  Headers,
  HttpMessageError,
  type ResponseBody,
  type UpstreamBody,
  UpstreamError,
  type UpstreamExchange,
  type UpstreamHandler,
  type UpstreamRequest,
} from "../http1/index.ts";
import {
  finishProxied,
  informationalHeaders,
  type Latencies,
  proxiedHeaders,
  proxiedLines,
  type UpstreamHead,
} from "./answer.ts";
import type { HeadersMaker, Request } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { acceptsTrailers } from "./hop-by-hop.ts";
import type { BodySink } from "./request-body.ts";
import { NameError } from "./resolver.ts";
import { upstreamTrailers } from "./service-request.ts";
import type { Target } from "./target.ts";
import { tunnel } from "./tunnel.ts";
import { isWebSocket, upstreamLead } from "./upstream-headers.ts";
import { upstreamTarget } from "./upstream-path.ts";

/** Methods that a server may have acted on even though no answer came: they are not sent twice. Source: SPEC-proxy §7. */
const NOT_REPEATABLE = new Set(["POST", "LOCK", "PATCH"]);

/** Bytes of a body that wait for header filters. With fewer, the upstream is read on: that it breaks is only noticed so. */
const MOST_HELD = 65_536;

/** The part of an exchange that talks to the upstream: attempts, the answer's way back, and the tunnel after an upgrade. */
export class Proxying implements UpstreamRequest, UpstreamHandler, BodySink, HeadersMaker {
  /** The upstream could not be had; the answer is an error in the form of a proxied one. */
  failed = false;
  readonly method: string;
  /** As the request that it is to the pool; written here alone, complete once there is an address. */
  target = "";
  lead = "";
  headers = NO_FIELDS;
  body: UpstreamBody;
  readonly #exchange: Exchange;
  readonly #target: Target;
  readonly #websocket: boolean;
  #addresses: readonly string[] = [];
  #turn = 0;
  #retriesLeft: number;
  #upstream: UpstreamExchange | undefined;
  /** Milliseconds from the request to the first attempt, and from there to the answer's head. */
  #proxyMs = 0;
  #upstreamMs = 0;
  #reason = "";
  #head: UpstreamHead | undefined;
  /** The head has not been sent: header filters may be waiting. */
  #isHolding = true;
  /** What came meanwhile. */
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  #heldEnd: { trailers: Headers | undefined } | undefined;
  #switched: { socket: Duplex; firstBytes: Uint8Array } | undefined;
  #abandoned = false;

  constructor(exchange: Exchange, target: Target) {
    this.#exchange = exchange;
    this.#target = target;
    this.method = exchange.inbound.method;
    this.#websocket = isWebSocket(exchange.inbound);
    this.#retriesLeft = target.retries;
  }

  get connectTimeoutMs(): number {
    return this.#target.connectTimeoutMs;
  }

  get writeTimeoutMs(): number {
    return this.#target.writeTimeoutMs;
  }

  get readTimeoutMs(): number {
    return this.#target.readTimeoutMs;
  }

  start(): void {
    const { ctx, parts } = this.#exchange;
    const { rawQuery } = ctx.service.request;
    const { route, prefix } = ctx.match!;
    const query = rawQuery === undefined ? "" : `?${rawQuery}`;
    this.target = upstreamTarget(route.upstreamPath, ctx.path, prefix, query, this.#exchange.inbound.hasPlainPath);
    try {
      const addresses = this.#target.addresses ?? parts.resolver.resolve(this.#target.host);
      if (addresses instanceof Promise) {
        addresses.then((found) => this.#begin(found)).catch((error) => this.#unresolved(error));
      } else this.#begin(addresses);
    } catch (error) {
      this.#unresolved(error);
    }
  }

  #unresolved(error: unknown): void {
    const { ctx, parts } = this.#exchange;
    if (error instanceof NameError) {
      parts.log.error("name resolution failed", { request_id: ctx.request.id, host: this.#target.host });
      this.#exchange.answer(ctx.response.error(503, "name resolution failed"));
    } else {
      this.#exchange.crash(error);
    }
  }

  #begin(addresses: readonly string[]): void {
    const { ctx, parts } = this.#exchange;
    if (this.#abandoned) return;
    // A plugin may have read more than was announced.
    if (!ctx.request.isBodiless && this.#exchange.isTooLarge(ctx.request.body.size)) {
      this.#exchange.answer(this.#exchange.refusal(413));
      return;
    }
    this.#addresses = addresses;
    this.#proxyMs = wholeMs(parts.clock() - ctx.startMs);
    const { request } = ctx.service;
    this.lead = upstreamLead(ctx, this.#target, parts.fields, this.#websocket);
    this.body = framingOf(ctx.request);
    // Before the client's fields stands how the body is framed.
    if (request.isBare && this.body === undefined) this.lead = request.linesBehind(this.lead);
    else this.headers = request.headers;
    this.#attempt();
  }

  #attempt(): void {
    const { ctx, parts } = this.#exchange;
    const { body } = this;
    const address = this.#addresses[this.#turn++ % this.#addresses.length]!;
    try {
      this.#upstream = parts.pool.request(this.#target.originAt(address), this, this);
      if (body !== undefined && !(body instanceof Uint8Array)) ctx.request.body.flowTo(this);
    } catch (error) {
      if (error instanceof HttpMessageError) this.#exchange.answer(this.#exchange.refusal(400));
      else if (error instanceof UpstreamError) this.#fail(error);
      else this.#exchange.crash(error);
    }
  }

  // ----- the request's body, on its way to the upstream

  take(chunk: Uint8Array): boolean {
    if (this.#abandoned) return true;
    if (this.#exchange.isTooLarge(this.#exchange.ctx.request.body.size)) {
      this.#exchange.answer(this.#exchange.refusal(413));
      return true;
    }
    return this.#upstream!.write(chunk);
  }

  takeEnd(trailers: Headers | undefined): void {
    if (this.#abandoned) return;
    this.#upstream!.end(trailers && upstreamTrailers(trailers, this.#exchange.ctx.request.forwarded.trusted));
  }

  onDrain(): void {
    this.#exchange.ctx.request.body.resume();
  }

  // ----- the upstream's answer, on its way to the client

  onInformational(status: number, reason: string, headers: Headers): void {
    // 100 and 102 concern this connection only; what remains (103 Early Hints) is for the client.
    if (status > 102 && this.#exchange.inbound.httpVersion !== "1.0") {
      this.#exchange.inbound.inform(status, reason, informationalHeaders(headers));
    }
  }

  onHead(status: number, reason: string, headers: Headers, _version: string, body: ResponseBody): void {
    const { ctx, inbound } = this.#exchange;
    if (status > 599 && inbound.httpVersion === "2") {
      // HTTP/2 has no such status.
      this.#refuse(502);
      return;
    }
    this.#upstreamMs = this.#sinceAttempt();
    this.#reason = reason;
    ctx.response.status = status;
    this.#head = { headers, body };
    if (ctx.response.isBare && inbound.headLines) ctx.response.defer(this);
    else ctx.response.headers = this.makeHeaders();
    this.#exchange.filter(this);
  }

  makeHeaders(): Headers {
    const { ctx, parts } = this.#exchange;
    return proxiedHeaders(ctx, this.#head!, parts.fields);
  }

  /** The header filters are done: send the head and what was held back meanwhile. */
  send(): void {
    const lines = this.#switched ? undefined : this.#lines();
    if (lines === undefined) this.finish();
    if (this.#switched) this.#tunnel(this.#switched);
    else this.#sendHeld(lines);
  }

  #lines(): string | undefined {
    const { ctx, parts, inbound } = this.#exchange;
    return inbound.headLines && proxiedLines(ctx, this.#head!, parts.fields, this.#took());
  }

  #sendHeld(lines: string | undefined): void {
    if (lines === undefined) this.#exchange.sendHead(this.#reason);
    else this.#exchange.sendLines(this.#reason, lines, this.#head!.body);
    const held = this.#held;
    this.#isHolding = false;
    let flowing = true;
    if (held) for (const chunk of held) flowing = this.onBody(chunk);
    if (this.#heldEnd) this.onEnd(this.#heldEnd.trailers);
    else if (flowing) this.#upstream!.resume();
  }

  /** Add the fields that only an answer of the proxied kind has. */
  finish(): void {
    const { ctx, parts } = this.#exchange;
    finishProxied(ctx, parts.fields, this.#took());
  }

  #took(): Latencies {
    const upstreamMs = this.#head ? this.#upstreamMs : this.#sinceAttempt();
    return { upstreamMs, proxyMs: this.#proxyMs };
  }

  #sinceAttempt(): number {
    const { ctx, parts } = this.#exchange;
    return wholeMs(parts.clock() - ctx.startMs) - this.#proxyMs;
  }

  onBody(chunk: Uint8Array): boolean {
    if (this.#isHolding) {
      this.#held ??= [];
      this.#held.push(Buffer.from(chunk));
      this.#heldBytes += chunk.length;
      return this.#heldBytes < MOST_HELD;
    }
    this.#exchange.bytesSent += chunk.length;
    return this.#exchange.inbound.write(chunk);
  }

  onBodyText(text: string): boolean {
    const { inbound } = this.#exchange;
    if (this.#isHolding || inbound.writeText === undefined) return this.onBody(Buffer.from(text, "latin1"));
    this.#exchange.bytesSent += text.length;
    return inbound.writeText(text);
  }

  onEnd(trailers: Headers | undefined): void {
    if (this.#isHolding) {
      this.#heldEnd = { trailers };
      return;
    }
    const wanted = trailers && acceptsTrailers(this.#exchange.ctx.request.headers);
    this.#exchange.inbound.end(undefined, wanted ? trailers : undefined);
    this.#exchange.end();
  }

  clientDrained(): void {
    this.#upstream?.resume();
  }

  onUpgrade(socket: Duplex, firstBytes: Uint8Array, status: number, reason: string, headers: Headers): void {
    this.#switched = { socket, firstBytes };
    if (this.#websocket) this.onHead(status, reason, headers, "1.1", { kind: "none" });
    else this.#refuse(502);
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
    if (this.#abandoned) return;
    if (this.#mayRetry(error)) this.#attempt();
    else this.#fail(error);
  }

  #fail(error: UpstreamError): void {
    const { ctx, parts } = this.#exchange;
    parts.log.error("upstream failed", {
      request_id: ctx.request.id,
      code: error.code,
      upstream: `${this.#target.host}:${this.#target.port}`,
      cause: (error.cause as { code?: string } | undefined)?.code,
    });
    this.#refuse(error.code.endsWith("_TIMEOUT") ? 504 : 502);
  }

  /** The upstream's answer is of no use: answer an error in its place, if it is not on its way to the client yet. */
  #refuse(status: number): void {
    this.failed = true;
    this.#exchange.answer(this.#exchange.failure(status));
  }

  /**
   * Whether to try again: no byte of an answer came, all of the request can be sent again, and either nothing was sent yet or
   * the method may be repeated. A pooled connection that had gone stale costs none of the service's retries.
   */
  #mayRetry(error: UpstreamError): boolean {
    const { body } = this.#exchange.ctx.request;
    if (this.#head !== undefined || error.responseStarted || !body.isRepeatable) return false;
    if (error.phase !== "connect" && NOT_REPEATABLE.has(this.#exchange.inbound.method)) return false;
    if (error.reused && error.code === "ERR_UPSTREAM_RESET") return true;
    return this.#retriesLeft-- > 0;
  }

  /** Nobody waits for the upstream's answer any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#upstream?.abort();
    this.#switched?.socket.destroy();
  }
}

/** An integer lies in its object, any other number in one of its own; a request takes no 24 days. */
function wholeMs(ms: number): number {
  return ms | 0;
}

const EMPTY = new Uint8Array();
const NO_FIELDS = new Headers();

/** How the body goes on its way: whole if it is in memory, else piece by piece. That there is none is said if the client did. */
function framingOf(request: Request): UpstreamBody {
  const { headers, inbound } = request;
  const length = request.isBodiless ? 0 : request.body.length;
  if (length === 0 && inbound.framing.kind === "none") return headers.mayHave(LENGTH) ? EMPTY : undefined;
  const { body } = request;
  return body.bytes ?? (length === undefined ? { chunked: true } : { length });
}

const LENGTH = fields["content-length"].bit;
