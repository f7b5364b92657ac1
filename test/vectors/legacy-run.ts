import {
  createSessions,
  memoryStorage,
  mergeSetCookies,
  type Session,
  type SessionOptions,
  type SessionReason,
  type Sessions,
  type SetCookie,
  type Visit,
} from "../../src/session/index.ts";
import type { LegacyConfig, LegacyRecord, LegacyRequest } from "./legacy-vectors.ts";
import { RedisServer, redisStorage } from "./stand-ins/redis.ts";

/** What came of a request. */
export interface Run {
  readonly results: StepResult[];
  setCookies: string[];
  session: Session | undefined;
}

export interface StepResult {
  readonly op: string;
  readonly present?: boolean;
  readonly reason?: SessionReason | undefined;
  readonly ok?: true;
  readonly cookie_header?: string | undefined;
}

/** The older release's Redis. Its values are bytes: one character for each. */
export class LegacyServer {
  readonly #redis = new RedisServer();
  readonly storage = redisStorage(this.#redis, {});

  load(records: readonly LegacyRecord[]): void {
    this.#redis.load(
      records.map(({ key, ttl, value_hex }) => {
        return { key, ttl, type: "string", value: Buffer.from(value_hex, "hex").toString("latin1") };
      }),
    );
  }
  dump(): LegacyRecord[] {
    return this.#redis.dump().map(({ key, ttl, value }) => {
      return { key, ttl, value_hex: Buffer.from(value as string, "latin1").toString("hex") };
    });
  }
}

/** Our sessions for visitors who may still have a cookie of this configuration. */
export function sessionsFor(config: LegacyConfig, server: LegacyServer): Sessions {
  const { name = "session", redis, cookie = {}, ...legacy } = config;
  const prefix = name.startsWith("__Host-") ? "__Host-" : undefined;
  const options: SessionOptions = {
    secret: "a secret of today",
    cookie_name: name.slice(prefix?.length ?? 0),
    cookie_prefix: prefix,
    legacy: {
      ...legacy,
      ...(redis?.prefix !== undefined && { prefix: redis.prefix }),
      ...(cookie.maxsize !== undefined && { cookie: { maxsize: cookie.maxsize } }),
    },
  };
  const isStored = (config.storage ?? "cookie") !== "cookie";
  return createSessions(options, isStored ? { storage: memoryStorage(), legacyStorage: server.storage } : {});
}

export const visitOf = ({ request_headers }: Pick<LegacyRequest, "request_headers">, cookie?: string): Visit => ({
  cookie: cookie ?? request_headers.Cookie,
  userAgent: request_headers["User-Agent"],
  scheme: "http",
  remoteAddress: "127.0.0.1",
});

/** Handle one request of a vector by the engine. */
export async function runRequest(request: LegacyRequest, sessions: Sessions): Promise<Run> {
  const { now, steps } = request;
  const visit = visitOf(request);
  const run: Run = { results: [], setCookies: [], session: undefined };
  const send = (cookies: readonly SetCookie[]) => {
    run.setCookies = mergeSetCookies(run.setCookies, cookies);
  };
  for (const { op, value } of steps) {
    const session = run.session!;
    switch (op) {
      case "open":
      case "start": {
        run.session = await sessions.open(visit, now);
        const { isOpen: present, reason } = run.session;
        run.results.push({ op, present, reason });
        if (op === "start") send(present ? (await run.session.refresh(now)).cookies : await run.session.save(now));
        continue;
      }
      case "set_data":
        session.data = value!;
        break;
      case "save":
      case "destroy":
        send(await session[op](now));
        break;
      case "hide":
        run.results.push({ op, ok: true, cookie_header: session.clearRequestCookie(visit.cookie as string) });
        continue;
      default:
        throw new Error(`no such operation: ${op}`);
    }
    run.results.push({ op, ok: true });
  }
  return run;
}
