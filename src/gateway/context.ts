import { fields, Headers } from "../http1/index.ts";
import { Client, type Consumer } from "./client.ts";
import { fieldValue } from "./field-value.ts";
import { addressOf, type Forwarded, type TrustedPeers } from "./forwarded.ts";
import type { Inbound } from "./inbound.ts";
import { parseQuery, type QueryValue } from "./query.ts";
import { type BodyOwner, RequestBody } from "./request-body.ts";
import { createRequestId } from "./request-id.ts";
import { type Exit, errorExit, exit, type HeaderValues } from "./response.ts";
import type { Match } from "./router.ts";
import { ServiceRequest } from "./service-request.ts";
import type { RouteRow } from "./snapshot.ts";

declare const keyType: unique symbol;
/** A place in the context for what plugins leave for each other and for later phases. */
export interface ContextKey<T> {
  readonly name: string;
  readonly [keyType]?: T;
}

/** A new key; the name is for people only. */
export function contextKey<T>(name: string): ContextKey<T> {
  return { name };
}

/** What came: read-only, except that its body can be read once. */
export class Request {
  readonly id: string;
  readonly method: string;
  /** The path as received, without query. */
  readonly path: string;
  /** The query string as received, without `?`; undefined when the target has none. */
  readonly rawQuery: string | undefined;
  readonly headers: Headers;
  /** Scheme, host, port and client address, as the connection or a trusted peer tells them. */
  readonly forwarded: Forwarded;
  readonly inbound: Inbound;
  #body: RequestBody | undefined;
  #query: Map<string, QueryValue[]> | undefined;

  /** `body`: of a request that has one. */
  constructor(inbound: Inbound, forwarded: Forwarded, body: RequestBody | undefined) {
    const { target } = inbound;
    const mark = target.indexOf("?");
    this.id = createRequestId();
    this.inbound = inbound;
    this.method = inbound.method;
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.rawQuery = mark < 0 ? undefined : target.slice(mark + 1);
    this.headers = inbound.headers;
    this.forwarded = forwarded;
    this.#body = body;
  }

  get body(): RequestBody {
    this.#body ??= new RequestBody(this.inbound);
    return this.#body;
  }

  /** The client sends no body, and nobody has asked for it. */
  get isBodiless(): boolean {
    return this.#body === undefined;
  }

  /** The Cookie field; undefined without it, and when it has more than one line. */
  get cookie(): string | undefined {
    return this.headers.only(fields.cookie);
  }

  /** The query's arguments, parsed at the first call. */
  get query(): ReadonlyMap<string, readonly QueryValue[]> {
    this.#query ??= parseQuery(this.rawQuery ?? "");
    return this.#query;
  }
}

/** Can make the fields of an answer. */
export interface HeadersMaker {
  makeHeaders(): Headers;
}

/** What goes back. Before the answer is known, plugins prepare fields here; in the header filter it is the answer's head. */
export class Response {
  /** 0 until the answer is known. */
  status = 0;
  #headers: Headers | undefined;
  #maker: HeadersMaker | undefined;
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
  }

  get headers(): Headers {
    this.#headers ??= this.#maker?.makeHeaders() ?? new Headers();
    return this.#headers;
  }

  set headers(headers: Headers) {
    this.#headers = headers;
  }

  /** Whether no field was set, and nobody has asked for those there are. */
  get isBare(): boolean {
    return this.#headers === undefined;
  }

  /** Have the fields made when somebody asks for them. */
  defer(maker: HeadersMaker): void {
    this.#maker = maker;
  }

  setHeader(name: string, value: string): void {
    this.headers.set(name, fieldValue(value));
  }

  clearHeader(name: string): void {
    this.headers.delete(name.toLowerCase());
  }

  /** Set cookies: a line that sets a cookie of the same name is replaced where it stands. Source: SPEC-session-v4 §7.3. */
  setCookies(cookies: readonly { readonly name: string; readonly text: string }[]): void {
    for (const { name, text } of cookies) {
      if (!this.headers.replace("set-cookie", `${name}=`, text)) this.headers.append("Set-Cookie", text);
    }
  }

  /** End the request with this answer: return what this gives. Forms: see `exit` in response.ts. */
  exit(status: number, body?: object | string | Uint8Array, headers?: HeaderValues): Exit {
    return exit(status, body, headers);
  }

  /** End the request with an error in the form that the client accepts; Kong's text for the status when `message` is absent. */
  error(status: number, message?: string, headers?: HeaderValues): Exit {
    const form = { requestId: this.#request.id, accept: this.#request.headers.get("accept") };
    return errorExit(status, message, form, headers);
  }
}

/** What every context needs of its gateway. */
export interface ContextParts {
  readonly trusted: TrustedPeers;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Bytes of a request body that are kept once they have flowed on. */
  readonly bodyBufferSize: number;
}

/** One request on its way through the gateway; the names are those of Kong's plugin development kit. */
export class Context {
  readonly request: Request;
  readonly service: { readonly request: ServiceRequest };
  readonly response: Response;
  /** Seconds since the epoch, whole; the one clock of this request. */
  readonly now: number;
  /** Milliseconds since the epoch when the request was read. */
  readonly startMs: number;
  /** The route with what was matched; undefined when none did. */
  match: Match<RouteRow> | undefined;
  /** Whether the client asked for debugging headers, and the settings allow them. */
  isDebugging = false;
  /** The path as routes compare it: normalised, one character per byte. */
  path = "/";
  #client: Client | undefined;
  /** Keys with their values: so few that to look at each is faster than a map. */
  #values: unknown[] | undefined;

  constructor(inbound: Inbound, { trusted, clock, bodyBufferSize }: ContextParts, owner: BodyOwner) {
    this.startMs = clock();
    this.now = Math.floor(this.startMs / 1000);
    const forwarded = addressOf(inbound, trusted);
    const body = inbound.framing.kind === "none" ? undefined : new RequestBody(inbound, owner, bodyBufferSize);
    inbound.listener = body ?? owner;
    this.request = new Request(inbound, forwarded, body);
    this.service = { request: new ServiceRequest(inbound.headers, this.request.rawQuery, forwarded.trusted) };
    this.response = new Response(this.request);
  }

  get client(): Client {
    this.#client ??= new Client(this.service.request);
    return this.#client;
  }

  /** The client's consumer, as far as it is known. */
  get consumer(): Consumer | undefined {
    return this.#client?.consumer;
  }

  get<T>(key: ContextKey<T>): T | undefined {
    const at = this.#indexOf(key);
    return at < 0 ? undefined : (this.#values![at + 1] as T);
  }

  set<T>(key: ContextKey<T>, value: T): void {
    const at = this.#indexOf(key);
    if (at >= 0) this.#values![at + 1] = value;
    else if (this.#values) this.#values.push(key, value);
    else this.#values = [key, value];
  }

  #indexOf(key: ContextKey<unknown>): number {
    const values = this.#values;
    if (values) for (let i = 0; i < values.length; i += 2) if (values[i] === key) return i;
    return -1;
  }
}
