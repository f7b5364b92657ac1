import { setTimeout as sleep } from "node:timers/promises";
import type { Gateway, Reply } from "./gateways.ts";
import { type Cookie, GRACE_MS, type Login, type Model, nowMs, readCookie } from "./model.ts";
import { pick, type Random } from "./random.ts";

/** A consumer and one of their keys. Others take the place of those that are deleted. */
export interface Account {
  readonly consumer: string;
  /** The credential's. */
  readonly id: string;
  readonly key: string;
  readonly madeMs: number;
}

/** What is wrong: a sentence, and the history of the login that it happened to. */
export interface Fault {
  readonly what: string;
  readonly history: readonly string[];
}

/** Old copies of cookies, of which some are replayed. */
const MOST_COPIES = 2000;
const LOGOUT = "?session_logout=1";

/** Everything that visitors and operators share, and all that they do: each answer is looked at here. */
export class World {
  readonly gateways: readonly Gateway[];
  readonly model: Model;
  /** Whether an end of one cookie is the end of all that descend from its login. */
  readonly endsLogins: boolean;
  readonly startMs = nowMs();
  readonly faults: Fault[] = [];
  readonly counts = new Map<string, number>();
  readonly copies: Cookie[] = [];
  readonly bySession = new Map<string, Cookie>();
  #logins = 0;
  #names = 0;

  constructor(gateways: readonly Gateway[], model: Model, endsLogins: boolean) {
    this.gateways = gateways;
    this.model = model;
    this.endsLogins = endsLogins;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** What a logout with this cookie ends, or the end of this session by an operator. */
  endKey({ login, session }: Cookie): string {
    return this.endsLogins ? `login ${login.label}` : `session ${session}`;
  }

  async createAccount(random: Random): Promise<Account> {
    const consumer = `consumer-${++this.#names}`;
    await pick(random, this.gateways).change("POST", "/consumers", { username: consumer });
    return this.createKey(random, consumer);
  }

  /** Another key for a consumer, known to all gateways. */
  async createKey(random: Random, consumer: string): Promise<Account> {
    const key = `key-${++this.#names}`;
    const { id } = await pick(random, this.gateways).change("POST", `/consumers/${consumer}/key-auth`, { key });
    const madeMs = nowMs();
    await sleep(GRACE_MS);
    return { consumer, id, key, madeMs };
  }

  async login(gateway: Gateway, account: Account): Promise<Cookie | undefined> {
    const { consumer, id, key } = account;
    const reply = await gateway.ask(`?apikey=${key}`);
    const login = { label: String(++this.#logins), consumer, credential: id, history: [] };
    const cookie = reply.cookie ? readCookie(reply.cookie, login) : undefined;
    this.#note(login, `login of ${consumer} at ${gateway.name}`, reply);
    const seen = this.#seen(reply, id);
    const fault =
      typeof seen === "object" ? seen.fault : this.model.judgeLogin(account, reply.sentMs, reply.answeredMs, seen);
    if (fault) this.#fault(fault, login.history, reply);
    else if (seen !== undefined && !cookie) this.#fault("a login gave no cookie", login.history, reply);
    this.count(seen === undefined ? "logins refused" : "logins");
    if (cookie) this.#keep(cookie);
    return cookie;
  }

  /** Use a cookie. Answers what the browser has then: the same, a renewed one, or none. */
  async use(
    gateway: Gateway,
    cookie: Cookie,
    why = "use",
  ): Promise<{ isKnown: boolean; cookie: Cookie; sentMs: number }> {
    const reply = await gateway.ask("", cookie.text);
    const { login } = cookie;
    this.#note(login, `${why} of ${this.#name(cookie)} at ${gateway.name}`, reply);
    const seen = this.#seen(reply, login.credential);
    const fault =
      typeof seen === "object" ? seen.fault : this.model.judge(cookie, reply.sentMs, reply.answeredMs, seen);
    if (fault) this.#fault(`${why}: ${fault}`, this.#historyOf(cookie), reply);
    const isKnown = seen !== undefined;
    this.count(isKnown ? `${why}, recognised` : `${why}, refused`);
    const next = reply.cookie ? readCookie(reply.cookie, login) : undefined;
    if (next && next.text !== cookie.text) {
      if (!isKnown) this.#fault("a refusal gave a cookie", login.history, reply);
      this.count(next.session === cookie.session ? "touches" : "renewals");
      this.#keep(next);
    }
    return { isKnown, cookie: next ?? cookie, sentMs: reply.sentMs };
  }

  async logout(gateway: Gateway, cookie: Cookie, kind = "logout"): Promise<boolean> {
    const end = this.model.end(kind, this.endKey(cookie));
    const reply = await gateway.ask(LOGOUT, cookie.text);
    this.#note(cookie.login, `logout of ${this.#name(cookie)} at ${gateway.name}`, reply);
    this.count(kind);
    if (reply.status === 200 && reply.body === "" && reply.cookie === "") {
      this.model.ended(end);
      return true;
    }
    // Who is not known any more is not logged out, but a stranger like others: this was no end.
    this.model.withdraw(end);
    const isRefused = reply.status === 403;
    const fault = isRefused
      ? this.model.judge(cookie, reply.sentMs, reply.answeredMs, undefined)
      : `answered ${reply.status}`;
    if (fault) this.#fault(`logout: ${fault}`, this.#historyOf(cookie), reply);
    return false;
  }

  /** A cookie with one character changed lets nobody in. */
  async forge(gateway: Gateway, random: Random, cookie: Cookie): Promise<void> {
    const at = "session=".length + 8 + Math.floor(random() * 96);
    const other = cookie.text[at] === "A" ? "B" : "A";
    const reply = await gateway.ask("", cookie.text.slice(0, at) + other + cookie.text.slice(at + 1));
    this.count("forgeries");
    if (reply.status !== 403) this.#fault("a forged cookie was taken", [], reply);
  }

  fault(what: string): void {
    this.faults.push({ what, history: [] });
  }

  #seen({ status, upstream }: Reply, credential: string): string | undefined | { fault: string } {
    if (status === 403 && upstream === undefined) return undefined;
    if (status !== 200 || upstream?.consumer === undefined) return { fault: `answered ${status}` };
    return upstream.credential === credential ? upstream.consumer : { fault: `credential ${upstream.credential}` };
  }

  #keep(cookie: Cookie): void {
    this.bySession.set(cookie.session, cookie);
    if (this.copies.length >= MOST_COPIES) this.copies.splice(0, MOST_COPIES / 2);
    this.copies.push(cookie);
  }

  #fault(what: string, history: readonly string[], { status, sentMs, answeredMs, body }: Reply): void {
    const answer = `${this.#time(sentMs)} to ${this.#time(answeredMs)}: ${status} ${body.slice(0, 200)}`;
    this.faults.push({ what: `${what} (${answer})`, history });
  }

  /** What happened to a login, and what was to end it. */
  #historyOf(cookie: Cookie): string[] {
    const ends = this.model.endsOf(cookie).map(({ kind, sentMs, answeredMs, before }) => {
      const answered = answeredMs === Infinity ? "not answered" : `answered ${this.#time(answeredMs)}`;
      return `end by ${kind}: sent ${this.#time(sentMs)}, ${answered}${before ? `, before ${JSON.stringify(before)}` : ""}`;
    });
    const { login, savedAt, touchedAt } = cookie;
    return [...login.history, ...ends, `login ${login.at}, saved ${savedAt}, touched ${touchedAt}`];
  }

  #note(login: Pick<Login, "history">, what: string, { status, cookie, sentMs, answeredMs, upstream }: Reply): void {
    const given = cookie === undefined ? "" : cookie === "" ? ", cookie removed" : ", cookie set";
    login.history.push(
      `${this.#time(sentMs)} to ${this.#time(answeredMs)} ${what}: ${status} ${upstream?.consumer ?? ""}${given}`,
    );
  }

  #time = (ms: number): string => `+${((ms - this.startMs) / 1000).toFixed(4)}`;
  #name = ({ session, touchedAt }: Cookie): string => `${session.slice(0, 6)}/${touchedAt}`;
}
