import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "../gateway/index.ts";
import { EntityError } from "../schema/index.ts";
import { type Answer, json, message, methodNotAllowed, notFound, page, send } from "./answer.ts";
import { NO_BODY, readBody } from "./body.ts";
import type { Cors } from "./cors.ts";
import { Refusal } from "./errors.ts";
import { decodePercent, parseArguments } from "./form.ts";
import type { AnswerListener } from "./parts.ts";
import { createPaths, type Method, type Route } from "./paths.ts";
import { statusOf } from "./statuses.ts";

/** Answers requests of `node:http`. It never throws; what fails is answered 500 and logged. */
export interface HttpApi {
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** Limits for the server that listens for an `HttpApi`; times in ms. */
export const serverOptions = {
  maxHeaderSize: 64 * 1024,
  headersTimeout: 60_000,
  requestTimeout: 300_000,
  keepAliveTimeout: 75_000,
} as const;

const WITH_BODY: ReadonlySet<Method> = new Set(["POST", "PUT", "PATCH"]);

export interface HttpApiParts {
  readonly routes: readonly Route[];
  readonly cors: Cors;
  /** `sesame/x.y.z`, sent as Server. */
  readonly product: string;
  readonly log: Log;
  /** Of the body of a write; 0 for no limit. */
  readonly maxBodyBytes: number;
  readonly onAnswer?: AnswerListener | undefined;
}

/**
 * Makes an API of routes. A request's way: find the route, answer OPTIONS, refuse methods and writes of foreign pages,
 * decode query and body, call the handler, send its answer.
 */
export function createHttpApi({ routes, cors, product, log, maxBodyBytes, onAnswer }: HttpApiParts): HttpApi {
  const find = createPaths(routes);

  async function answer(request: IncomingMessage, requestId: string): Promise<Answer> {
    let route: Route | undefined;
    try {
      const [path, query] = splitTarget(request.url ?? "");
      const method = request.method === "HEAD" ? "GET" : (request.method as Method);
      if (request.method === "TRACE") return { ...page(405), isBare: true };
      const found = find(path);
      if (!found) return notFound;
      route = found.route;
      if (request.method === "OPTIONS") return preflight(request, route);
      const handler = route.methods[method];
      if (!handler) return methodNotAllowed;
      if (method !== "GET" && cors.refusesWrite(request.headers)) throw new Refusal("foreign_origin");
      return await handler({
        params: found.params.map(decodePercent),
        query: parseArguments(query),
        body: WITH_BODY.has(method) ? await readBody(request, maxBodyBytes, route.takesYaml) : NO_BODY,
      });
    } catch (error) {
      const known = refusalAnswer(error);
      if (known) return known;
      // The route and not the path, as a path may hold a credential.
      const facts = { request_id: requestId, method: request.method, route: route?.path, cause: error };
      log.error("a request to the Admin API failed", facts);
      return message(500, new Refusal("unexpected").message);
    }
  }

  return {
    handle: (request, response) => {
      const sending = { product, cors: cors.headers(request.headers), startMs: Date.now() };
      const requestId = randomBytes(16).toString("hex");
      answer(request, requestId)
        .then((found) => {
          const { destroyed } = response;
          const bytes = destroyed ? 0 : send(request, response, found, sending);
          onAnswer?.({ request, requestId, status: destroyed ? 499 : found.status, bytes });
        })
        .catch((cause: unknown) => {
          log.error("an answer of the Admin API could not be sent", { request_id: requestId, cause });
          response.destroy();
        });
    },
  };
}

/** Path and query of a request's target, which may be a whole address (RFC 9112 §3.2.2). */
function splitTarget(target: string): [path: string, query: string] {
  const local = target.replace(/^https?:\/\/[^/?]*/i, "");
  const at = local.indexOf("?");
  return at < 0 ? [local || "/", ""] : [local.slice(0, at) || "/", local.slice(at + 1)];
}

function preflight(request: IncomingMessage, route: Route): Answer {
  const own = Object.keys(route.methods);
  const methods = [...own, ...(route.methods.GET ? ["HEAD"] : []), "OPTIONS"].sort().join(", ");
  const wanted = request.headers["access-control-request-headers"] ?? "Content-Type";
  return {
    status: 204,
    headers: [
      ["Access-Control-Allow-Headers", wanted],
      ["Allow", methods],
      ["Access-Control-Allow-Methods", methods],
    ],
  };
}

/** The answer to an error that is the request's fault; undefined for any other. */
function refusalAnswer(error: unknown): Answer | undefined {
  if (error instanceof Refusal) return error.status === 415 ? page(415) : message(error.status, error.message);
  const status = error instanceof EntityError ? statusOf(error.code) : 500;
  return status < 500 ? json(status, error) : undefined;
}
