import { inspectHeader } from "../../src/session/index.ts";

/** Milliseconds since the epoch, by a clock that never goes back. All times of the model that end in `Ms` are of it. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** How long after its answer an end may be unnoticed. */
export const GRACE_MS = 100;

/** What the clocks of the processes of one machine may differ by. */
const CLOCK_MS = 50;

/** Seconds after which sessions end by themselves. */
export interface Clocks {
  readonly rolling: number;
  readonly idling: number;
}

/** One login: what all cookies that descend from it have in common. */
export interface Login {
  readonly label: string;
  readonly consumer: string;
  readonly credential: string;
  /** The second in which it was, since the epoch. */
  readonly at: number;
  /** What happened to it, a line each. */
  readonly history: string[];
}

export interface Cookie {
  /** As browsers send it. */
  readonly text: string;
  readonly session: string;
  readonly login: Login;
  /** In seconds since the epoch. */
  readonly savedAt: number;
  readonly touchedAt: number;
}

/** Something that ends sessions: under way as long as `answeredMs` is infinite. */
export interface End {
  readonly kind: string;
  readonly key: string;
  readonly sentMs: number;
  answeredMs: number;
  /** Logins before this second are meant. Absent: all, also those that come yet. */
  readonly before?: { readonly surely: number; possibly: number };
}

/** Read the cookie of a login, or of a renewal of it. Undefined when the text is no session cookie. */
export function readCookie(text: string, login: Omit<Login, "at"> & { at?: number }): Cookie | undefined {
  const inspected = inspectHeader(text.slice(text.indexOf("=") + 1));
  if ("reason" in inspected) return undefined;
  const { id, created_at, rolling_offset, idling_offset } = inspected.header;
  const savedAt = created_at + rolling_offset;
  const whole = login.at === undefined ? Object.assign(login, { at: created_at }) : (login as Login);
  return { text, session: id, login: whole, savedAt, touchedAt: savedAt + idling_offset };
}

/**
 * Which answers are allowed, as in a check of linearizability: an end counts from some moment on between its request and
 * `GRACE_MS` after its answer, so within that time either answer is right. Before it, a living session has to be recognised,
 * on every node; after it, no cookie that it ended may be. Whoever is recognised must be who logged in.
 */
export class Model {
  readonly #clocks: Clocks;
  readonly #ends = new Map<string, End[]>();
  /** By kind of end, the most milliseconds after its answer at which a session was still recognised. */
  readonly noticedMs = new Map<string, number>();

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
  }

  /** Something that ends what is under this key is sent now. `before`: only logins up to the second of now, as the server sees it. */
  end(kind: string, key: string, before?: number | "now"): End {
    const sentMs = nowMs();
    const surely = before === "now" ? Math.floor((sentMs - CLOCK_MS) / 1000) + 1 : before;
    const limits = surely === undefined ? {} : { before: { surely, possibly: before === "now" ? Infinity : surely } };
    const end: End = { kind, key, sentMs, answeredMs: Infinity, ...limits };
    this.#ends.set(key, [...(this.#ends.get(key) ?? []), end]);
    return end;
  }

  /** It was answered, and was done. */
  ended(end: End): void {
    end.answeredMs = nowMs();
    if (end.before?.possibly === Infinity) end.before.possibly = Math.floor((end.answeredMs + CLOCK_MS) / 1000) + 1;
  }

  /** It was answered, and was not done. */
  withdraw(end: End): void {
    this.#ends.set(
      end.key,
      this.#ends.get(end.key)!.filter((other) => other !== end),
    );
  }

  endsOf({ session, login }: Cookie): End[] {
    const keys = [`session ${session}`, `login ${login.label}`, ...keysOf(login), "all"];
    return keys.flatMap((key) => this.#ends.get(key) ?? []);
  }

  /** What is wrong with an answer that took the cookie for this consumer's, or for nobody's; undefined when it is right. */
  judge(cookie: Cookie, sentMs: number, answeredMs: number, consumer: string | undefined): string | undefined {
    const { login } = cookie;
    // The last second in which its clocks allow it.
    const last = Math.min(cookie.savedAt + this.#clocks.rolling, cookie.touchedAt + this.#clocks.idling);
    if (consumer === undefined) {
      const isEnding = (end: End) => end.sentMs <= answeredMs && login.at < (end.before?.possibly ?? Infinity);
      if (this.endsOf(cookie).some(isEnding)) return undefined;
      // A storage's own clock may be a second ahead.
      return answeredMs + CLOCK_MS >= last * 1000 ? undefined : "a living session was lost";
    }
    if (consumer !== login.consumer) return `taken for ${consumer}`;
    if (sentMs - CLOCK_MS >= (last + 1) * 1000)
      return `recognised ${(sentMs - last * 1000 - 1000).toFixed()} ms after its time`;
    for (const end of this.endsOf(cookie)) {
      if (login.at >= (end.before?.surely ?? Infinity)) continue;
      const fault = this.#late(end, sentMs);
      if (fault) return fault;
    }
    return undefined;
  }

  /** The same of a login by a credential that was made at this time. */
  judgeLogin(
    credential: { readonly id: string; readonly consumer: string; readonly madeMs: number },
    sentMs: number,
    answeredMs: number,
    consumer: string | undefined,
  ): string | undefined {
    const keys = keysOf({ credential: credential.id, consumer: credential.consumer });
    const ends = keys.flatMap((key) => this.#ends.get(key) ?? []).filter(({ before }) => before === undefined);
    if (consumer === undefined) {
      if (ends.some((end) => end.sentMs <= answeredMs) || sentMs < credential.madeMs + GRACE_MS) return undefined;
      return "a living credential was refused";
    }
    if (consumer !== credential.consumer) return `taken for ${consumer}`;
    return ends.map((end) => this.#late(end, sentMs)).find((fault) => fault !== undefined);
  }

  #late({ kind, answeredMs }: End, sentMs: number): string | undefined {
    const ms = sentMs - answeredMs;
    if (ms > (this.noticedMs.get(kind) ?? 0)) this.noticedMs.set(kind, ms);
    return ms > GRACE_MS ? `recognised ${ms.toFixed(1)} ms after "${kind}" was answered` : undefined;
  }
}

const keysOf = ({ credential, consumer }: Pick<Login, "credential" | "consumer">): string[] => [
  `credential ${credential}`,
  `consumer ${consumer}`,
];
