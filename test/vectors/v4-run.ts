import { isDeepStrictEqual } from "node:util";
import {
  createSessions,
  type JsonValue,
  mergeSetCookies,
  reasons,
  type Session,
  SessionError,
  type SessionOptions,
  type SessionStorage,
  type Sessions,
  type SetCookie,
  type Visit,
} from "../../src/session/index.ts";
import type { Step, StepResult, VectorConfig, VectorRequest } from "./v4-vectors.ts";

/** The configuration of a vector as options of the engine. */
export function optionsOf(config: VectorConfig): SessionOptions {
  const { ikm_hex, ikm_fallbacks_hex, storage: _, redis: __, file: ___, memcached: ____, ...options } = config;
  return {
    ...options,
    ikm: ikm_hex === undefined ? undefined : Buffer.from(ikm_hex, "hex"),
    ikm_fallbacks: ikm_fallbacks_hex?.map((hex) => Buffer.from(hex, "hex")),
    compatibility: "strict",
    release: "4.1",
  };
}

/** What came of a request. */
export interface Run {
  readonly results: StepResult[];
  setCookies: string[];
  session: Session | undefined;
}

/** Handle one request of a vector by the engine. */
export async function runRequest(
  request: VectorRequest,
  config: VectorConfig,
  storage: SessionStorage | undefined,
): Promise<Run> {
  const ids = (request.random_session_ids_hex ?? []).map((hex) => Buffer.from(hex, "hex"));
  const run: Run = { results: [], setCookies: [], session: undefined };
  const visit: Visit = {
    cookie: request.request_headers.Cookie,
    remoteAddress: "127.0.0.1",
    scheme: "http",
    userAgent: request.request_headers["User-Agent"],
  };
  const randomBytes = () => ids.shift() ?? Buffer.alloc(32, 0xd1);
  for (const step of request.steps) {
    const done = await attempted(async () => {
      const sessions = createSessions(optionsOf(config), { storage, randomBytes });
      const ordered = step.op === "set_data" ? { ...step, value: inRecordedOrder(step.value!, request) } : step;
      return await operate(run, ordered, sessions, visit, request.now, storage);
    });
    const state = step.op.startsWith("module_") ? undefined : run.session?.state;
    run.results.push({ op: step.op, ...(state && { state }), ...done });
  }
  return run;
}

/** The same data with its keys in the order they were sealed in: a Lua table has its own. */
function inRecordedOrder(value: JsonValue, { response, decoded = {} }: VectorRequest): JsonValue {
  const sealed = Object.values(decoded).flatMap(({ plaintext_json }) =>
    plaintext_json ? JSON.parse(plaintext_json) : [],
  );
  const entries = [...sealed, ...(response.session?.data ?? [])];
  return entries.map(([data]) => data).find((data) => isDeepStrictEqual(data, value)) ?? value;
}

/** An error of the engine is a result, told apart as the vectors do: on a closed session, or for options, it was thrown. */
async function attempted(work: () => Promise<Partial<StepResult>>): Promise<Partial<StepResult>> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    const thrown = error.code === "ERR_SESSION_CLOSED" || error.code === "ERR_SESSION_OPTION";
    return thrown ? { thrown: plain(error.message) } : { err: plain(error.message) };
  }
}

/** A message without the source line of the original, and without what is added in parentheses. */
export const plain = (message: string): string => message.replace(/^session\.lua:\d+: /, "").replace(/ \(.*\)$/s, "");

async function operate(
  run: Run,
  step: Step,
  sessions: Sessions,
  visit: Visit,
  now: number,
  storage: SessionStorage | undefined,
): Promise<Partial<StepResult>> {
  const send = (cookies: readonly SetCookie[]) => {
    run.setCookies = mergeSetCookies(run.setCookies, cookies);
  };
  const open = async () => {
    const session = await sessions.open(visit, now);
    run.session = session;
    send(session.cookies);
    return { exists: session.isOpen, ...(session.reason && { err: reasons[session.reason] }) };
  };
  const session = run.session!;
  const ok: Partial<StepResult> = { ok: true };
  switch (step.op) {
    case "new":
      run.session = sessions.create(visit);
      return ok;
    case "open":
      return open();
    case "start": {
      const opened = await open();
      if (opened.exists) send((await run.session!.refresh(now)).cookies);
      return { ...opened, refreshed: opened.exists };
    }
    case "module_logout":
    case "module_destroy": {
      const opened = await open();
      const verb = step.op === "module_logout" ? "logout" : "destroy";
      if (opened.exists) send(await run.session![verb](now));
      const did = verb === "logout" ? { logged_out: opened.exists } : { destroyed: opened.exists };
      return { ...opened, ...did, ...(opened.exists && ok) };
    }
    case "set_data":
      session.data = step.value!;
      return ok;
    case "get_data":
      return { ...ok, value: session.data };
    case "set":
      session.set(step.key!, step.value!);
      return ok;
    case "get":
      return { ...ok, value: session.get(step.key!) };
    case "set_subject":
      session.subject = step.value as string;
      return ok;
    case "set_audience":
      session.audience = step.value as string;
      return ok;
    case "set_remember":
      session.remember = step.value as boolean;
      return ok;
    case "get_remember":
      return { ...ok, value: session.remember };
    case "save":
    case "touch":
    case "logout":
    case "destroy":
      send(await session[step.op](now));
      return ok;
    case "refresh":
      send((await session.refresh(now)).cookies);
      return ok;
    case "close":
      session.close();
      return ok;
    case "info_set":
      session.info.set(step.key!, step.value!);
      return ok;
    case "info_get":
      return { ...ok, value: session.info.get(step.key!) };
    case "info_save":
      send(await session.info.save(now));
      return ok;
    case "props":
      return { ...ok, value: propertiesOf(session) };
    case "set_headers":
    case "set_response_headers": {
      const names = step.args?.flat();
      if (step.op === "set_headers") session.headers([]);
      const response_headers = session.headers(names ?? "response");
      const both = step.op === "set_headers";
      return { ...ok, response_headers, request_headers: both ? session.headers(names ?? "request") : {} };
    }
    case "clear_request_cookie":
      return { ...ok, cookie_header: session.clearRequestCookie(visit.cookie as string) };
    case "read_metadata": {
      const live = await storage!.list!("session", { audience: step.audience!, subject: step.subject! }, now);
      return { ...ok, value: Object.fromEntries([...live].map(([key, expires]) => [key, String(expires)])) };
    }
    default:
      throw new Error(`no such operation: ${step.op}`);
  }
}

function propertiesOf(session: Session): Record<string, unknown> {
  const names = ["id", "audience", "subject", "timeout", "idling-timeout", "rolling-timeout", "absolute-timeout"];
  const values = names.map((name) => [name, session.property(name)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}
