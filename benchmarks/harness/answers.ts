import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CONSUMER_ID, KEY, paths, USERNAME } from "./configuration.ts";
import type { Subject } from "./subject.ts";
import { bodyOf, SMALL, sizes } from "./upstream-answers.ts";

// No rate means anything before the answers are right. Each check rejects with what was wrong.

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly cookies: readonly string[];
}

async function ask(subject: Subject, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(subject.url + path, init);
  return { status: response.status, text: await response.text(), cookies: response.headers.getSetCookie() };
}

/** A request is proxied and its answer comes back unchanged. */
export async function checkProxy(subject: Subject, path: string, cookie?: string): Promise<void> {
  const { status, text } = await ask(subject, path, cookie === undefined ? {} : { headers: { cookie } });
  assert.equal(status, 200, `${subject.name}: GET ${path} answers ${status}`);
  assert.equal(text, SMALL, `${subject.name}: GET ${path} has another body`);
}

/** The visitor of the cookie is made known to the upstream, nobody else is let in, and nobody can pose as another. */
export async function checkSession(subject: Subject, path: string, cookie: string): Promise<void> {
  await checkProxy(subject, path, cookie);
  const { name } = subject;
  const posing = { "x-consumer-username": "shrek", "x-anonymous-consumer": "true" };
  const known = await ask(subject, `${path}/check`, { headers: { cookie, ...posing } });
  const seen = JSON.parse(known.text) as Record<string, string>;
  assert.equal(seen["consumer"], USERNAME, `${name}: the upstream does not see whose session it is`);
  if (subject.works.includes("bodies") && seen["id"] !== "") assert.equal(seen["id"], CONSUMER_ID);
  const value = cookie.indexOf("=") + 20;
  const damaged = cookie.slice(0, value) + (cookie[value] === "A" ? "B" : "A") + cookie.slice(value + 1);
  for (const headers of [{}, { cookie: damaged }, posing]) {
    const { status } = await ask(subject, path, { headers });
    assert.equal(status, 403, `${name}: without a session it answers ${status}, not 403`);
  }
}

/** Log in by the key: the Cookie header of the session that was made. */
export async function logIn(subject: Subject, path: string): Promise<string> {
  const { status, text, cookies } = await ask(subject, `${path}?apikey=${KEY}`);
  assert.equal(status, 200, `${subject.name}: login answers ${status} ${text}`);
  assert.equal(cookies.length, 1, `${subject.name}: login brings ${cookies.length} cookies`);
  return cookies[0]!.split(";", 1)[0]!;
}

/** Every login brings a cookie of its own, good for the very next request. */
export async function checkLogin(subject: Subject, path: string): Promise<void> {
  const cookies = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const cookie = await logIn(subject, path);
    cookies.add(cookie);
    await checkSession(subject, path, cookie);
  }
  assert.equal(cookies.size, 3, `${subject.name}: two logins have one cookie`);
}

/** A large body goes to the upstream, or comes from it, whole. */
export async function checkBodies(subject: Subject, size: keyof typeof sizes): Promise<void> {
  const body = bodyOf(size);
  const got = await ask(subject, `${paths.bodies}/${size}`);
  assert.ok(got.status === 200 && got.text === body, `${subject.name}: GET of ${size} is not what was sent`);
  const sent = await ask(subject, `${paths.bodies}/sink/check`, { method: "POST", body });
  const expected = { received: sizes[size], sha256: createHash("sha256").update(body).digest("hex") };
  assert.deepEqual(JSON.parse(sent.text), expected, `${subject.name}: POST of ${size} does not arrive whole`);
}
