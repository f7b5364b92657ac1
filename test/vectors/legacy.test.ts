import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionReason, SetCookie } from "../../src/session/index.ts";
import { type Difference, differences } from "./legacy-differences.ts";
import { type Minted, mint } from "./legacy-mint.ts";
import { LegacyServer, type Run, runRequest, sessionsFor, visitOf } from "./legacy-run.ts";
import { type LegacyConfig, type LegacyRequest, type LegacyVector, vectors } from "./legacy-vectors.ts";

/** Our words for what 3.x says. What it tells apart when a cookie is forged is one reason: it would tell who forges. */
const words: Readonly<Record<string, SessionReason>> = {
  "too many session cookie parts": "invalid_session_header",
  "invalid number of session cookie parts": "invalid_session_header",
  "invalid session cookie expiry": "invalid_session_rolling_offset",
  "invalid session cookie usebefore": "invalid_session_idling_offset",
  "unable to decode session cookie part (data)": "unable_to_base64url_decode_session_data",
  "session cookie has expired": "session_rolling_timeout_exceeded",
  "session cookie idle time has passed": "session_idling_timeout_exceeded",
  "EVP_DecryptFinal_ex failed": "invalid_session_message_authentication_code",
  "cookie has invalid signature": "invalid_session_message_authentication_code",
};

/** 2.x gives no reasons. Where its vectors do to a cookie what those of 3.x do, ours is the same. */
const said = new Map(
  vectors.flatMap(({ release, requests }) =>
    release === 3 ? requests.map(({ note, response }) => [note, response.results[0]!.err] as const) : [],
  ),
);

test("there are 24 vectors of 2.26 and 31 of 3.10, and every difference belongs to one of them", () => {
  assert.equal(vectors.filter(({ release }) => release === 2).length, 24);
  assert.equal(vectors.filter(({ release }) => release === 3).length, 31);
  for (const { vector, request } of differences) {
    assert.ok(vectors.find(({ id }) => id === vector)?.requests[request], `${vector}, request ${request}`);
  }
});

for (const vector of vectors) {
  test(`${vector.id}: ${vector.title}`, async () => {
    const server = new LegacyServer();
    for (const [number, request] of vector.requests.entries()) {
      const difference = differences.find((other) => other.vector === vector.id && other.request === number);
      const config = request.config ?? vector.config;
      const before = server.dump();
      const run = await runRequest(request, sessionsFor(config, server));
      const after = server.dump();
      const found: Found = { run, request, release: vector.release, before, after };
      compare(found, difference);
      // A difference that is none any more has to go.
      if (difference) assert.throws(() => compare(found, undefined));
      // The requests that follow carry the recorded cookies, so they must find the recorded records.
      server.load(request.storage_after?.redis ?? []);
      await checkMinted(vector, config, request);
    }
  });
}

interface Found {
  readonly run: Run;
  readonly request: LegacyRequest;
  readonly release: 2 | 3;
  readonly before: ReturnType<LegacyServer["dump"]>;
  readonly after: ReturnType<LegacyServer["dump"]>;
}

function compare({ run, request, release, before, after }: Found, difference: Difference | undefined): void {
  const { response, note, storage_after } = request;
  for (const [step, { op, present, err, ok, cookie_header }] of response.results.entries()) {
    const ours = run.results[step]!;
    if (present !== undefined) {
      assert.equal(ours.present, present, op);
      const message = err ?? (release === 2 && !present ? said.get(note) : undefined);
      if (message !== undefined) assert.equal(ours.reason, words[message], message);
      else if (present) assert.equal(ours.reason, undefined);
      else if (request.request_headers.Cookie?.includes("session=")) assert.notEqual(ours.reason, undefined);
      else assert.equal(ours.reason, "missing_session_cookie");
    } else {
      assert.deepEqual(ours, {
        op,
        ok,
        ...(cookie_header !== undefined && { cookie_header: difference?.cookie_header ?? cookie_header }),
      });
    }
  }
  const { session } = run;
  if (session && session.state !== "closed") assert.deepEqual(session.data, response.session.data);

  const kept = cookiesOf(response.set_cookie);
  const sent = cookiesOf(run.setCookies);
  const isIssued = difference?.issued ?? kept.live.length > 0;
  assert.equal(sent.live.length > 0, isIssued, "a cookie is issued");
  assert.deepEqual(sent.expired, kept.expired, "cookies that are taken away");

  // Our own records are elsewhere; those that older releases made have to fare as there.
  const theirs = (storage_after?.redis ?? []).filter(({ key }) => before.some((record) => record.key === key));
  assert.deepEqual(
    after.filter(({ key }) => before.some((record) => record.key === key)),
    theirs.map(({ key, ttl, value_hex }) => ({ key, ttl: difference?.ttl ?? ttl, value_hex })),
    "records",
  );
}

/** The names of the cookies that a response sets, and of those it takes away. */
function cookiesOf(lines: readonly string[]): { readonly live: string[]; readonly expired: string[] } {
  const nameOf = (line: string) => line.slice(0, line.indexOf("="));
  const isExpired = (line: string) => line.includes("; Max-Age=0");
  return {
    live: lines.filter((line) => !isExpired(line)).map(nameOf),
    expired: lines.filter(isExpired).map(nameOf),
  };
}

/**
 * A cookie that the older release made: written by the book it is the same byte for byte, it opens, and is issued anew with
 * the same data.
 */
async function checkMinted({ release }: LegacyVector, config: LegacyConfig, request: LegacyRequest): Promise<void> {
  const { decoded, response, now, storage_after } = request;
  const lines = response.set_cookie.map((line) => line.split(";", 1)[0]!).filter((pair) => !pair.endsWith("="));
  assert.equal(decoded !== undefined, lines.length > 0);
  if (decoded === undefined) return;
  const { data } = response.session;
  const plaintext = decoded.plaintext_json ?? JSON.stringify(data);
  assert.equal(plaintext.length, decoded.plaintext_length ?? plaintext.length);
  const minted: Minted = mint(config, {
    release,
    id: Buffer.from(decoded.id_hex, "hex"),
    expires: decoded.expires,
    usebefore: decoded.usebefore,
    plaintext,
    bound: decoded.bound_key,
  });
  // Deflated by another zlib, data may have other bytes.
  if (config.compressor !== "zlib") assert.deepEqual(lines, minted.cookies);
  if (storage_after && config.storage) {
    const record = storage_after.redis.find(({ key }) => key.endsWith(`:${minted.idText}`));
    assert.equal(record?.value_hex, minted.ciphertext.toString("hex"));
  }

  const server = new LegacyServer();
  server.load(storage_after?.redis ?? []);
  const sessions = sessionsFor(config, server);
  const session = await sessions.open(visitOf(request, lines.join("; ")), now);
  assert.equal(session.reason, undefined);
  assert.equal(session.isLegacy, true);
  assert.deepEqual(session.data, data);
  const { action, cookies } = await session.refresh(now);
  assert.equal(action, "saved");
  assert.equal(session.isLegacy, false);
  assert.equal(session.header!.created_at, now);
  const { live, expired } = cookiesOf(cookies.map(({ text }) => text));
  assert.equal(live[0], config.name ?? "session");
  assert.deepEqual(
    expired,
    lines.slice(1).map((line) => line.split("=", 1)[0]),
    "further cookies of the older session",
  );
  const again = await sessions.open(visitOf(request, headerOf(cookies)), now + 1);
  assert.deepEqual([again.reason, again.isLegacy, again.data], [undefined, false, data]);
}

/** The Cookie header that a browser sends after these. */
function headerOf(cookies: readonly SetCookie[]): string {
  return cookies
    .map(({ text }) => text.split(";", 1)[0]!)
    .filter((pair) => !pair.endsWith("="))
    .join("; ");
}
