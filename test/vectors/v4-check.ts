import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Awaitable, SessionStorage } from "../../src/session/index.ts";
import { decodeCookie, readSetCookies } from "./decode.ts";
import { type Difference, differences } from "./v4-differences.ts";
import { plain, type Run, runRequest } from "./v4-run.ts";
import { keysOf } from "./v4-storages.ts";
import type { Dump, StepResult, Vector, VectorConfig, VectorRequest } from "./v4-vectors.ts";

/** The servers of one vector: each keeps what its requests leave there. */
export interface VectorServers {
  /** The storage a configuration names, on these servers. */
  storage(config: VectorConfig): SessionStorage | undefined;
  /** A storage whose server does not answer. */
  refused(): SessionStorage;
  load(dump: Dump): Awaitable<void>;
  dump(): Awaitable<Required<Dump>>;
  /** What a recorded dump is on these servers, where they do better. */
  expected(recorded: Dump): Dump;
}

/** Handle the requests of a vector one after the other, and compare all that came of each. */
export async function checkVector(vector: Vector, servers: VectorServers): Promise<void> {
  for (const [number, request] of vector.requests.entries()) {
    const difference = differences.find((other) => other.vector === vector.id && other.request === number);
    await check(vector, request, servers, difference);
  }
}

async function check(
  vector: Vector,
  request: VectorRequest,
  servers: VectorServers,
  difference?: Difference,
): Promise<void> {
  const config = request.config ?? vector.config;
  // Records were damaged or removed by hand between some requests. What such a request found is what it left.
  const after = request.storage_after && servers.expected(request.storage_after);
  if (after && !writes(request)) await servers.load(after);
  const down = request.note?.startsWith("connection refused");
  const run = await runRequest(request, config, down ? servers.refused() : servers.storage(config));

  const expected = request.response.results.map((result, step) => {
    const ours = difference?.results?.[step];
    return ours ? { op: result.op, ...ours } : recorded(result);
  });
  assert.deepEqual(run.results, expected, "results");
  compareSession(run, request, difference);
  const dump = await servers.dump();
  compareCookies(run, request, config, dump, difference);
  if (!after || difference?.entries) return;
  compareStorage(dump, after);
  // The requests that follow carry the recorded cookies, so they must find the recorded records.
  await servers.load(after);
}

function writes({ response, steps }: VectorRequest): boolean {
  return response.set_cookie.length > 0 || steps.some(({ op }) => op === "info_save" || op === "logout");
}

/** A recorded result in the form of ours: without source lines and what libraries add in parentheses. */
function recorded(result: StepResult): StepResult {
  const { op, state, err, thrown } = result;
  if (thrown) return { op, ...(state && { state }), thrown: plain(thrown) };
  if (err && result.exists === undefined) return { op, ...(state && { state }), err: plain(err) };
  if (err) return { ...result, err: plain(err) };
  // What is absent stays absent, but a Cookie header of which nothing is left is undefined in ours.
  return op === "clear_request_cookie" ? { ...result, cookie_header: result.cookie_header } : result;
}

function compareSession({ session }: Run, { response }: VectorRequest, difference?: Difference): void {
  const expected = response.session;
  if (!expected || !session || session.state === "closed") return;
  assert.equal(session.state, difference?.results ? Object.values(difference.results).at(-1)!.state : expected.state);
  const entries = session.entries.map(({ data, audience, subject }) =>
    subject === undefined ? [data, audience] : [data, audience, subject],
  );
  assert.deepEqual(entries, difference?.entries ?? expected.data, "entries");
  // When other subjects were dropped, the original forgets to count again.
  const current = session.entries[Math.min(expected.data_index, session.entries.length) - 1]!;
  assert.equal(session.audience, current.audience);
  assert.equal(session.subject, current.subject);
  for (const [key, value] of Object.entries(expected.info?.[current.audience] ?? {})) {
    assert.deepEqual(session.info.get(key), value, `info ${key}`);
  }
  const property = (name: string) => session.property(name);
  if (!expected.meta) {
    if (difference) return;
    assert.equal(property("id"), undefined);
    return;
  }
  assert.equal(Buffer.from(property("nonce") as Uint8Array).toString("hex"), expected.meta.sid_hex);
  for (const name of ["timestamp", "creation_time", "rolling_offset", "idling_offset", "flags", "data_size"] as const) {
    // Deflated by another zlib, data may have another size.
    if (name === "data_size" && (expected.meta.flags & 0x0010) !== 0) continue;
    if (name === "data_size" && difference) continue;
    assert.equal(property(name), expected.meta[name], name);
  }
}

function compareCookies(
  run: Run,
  request: VectorRequest,
  config: VectorConfig,
  dump: Dump,
  difference?: Difference,
): void {
  const ikm = ikmOf(config);
  const prefix = config.cookie_prefix ?? "";
  const names = [prefix + (config.cookie_name ?? "session"), `${prefix}remember`];
  const read = (texts: readonly string[], records: Dump) => {
    const { order, attributes, sessions } = readSetCookies(texts, names);
    const decoded = sessions.map(({ name, header, payload }) => {
      const record = config.storage ? recordOf(config, name, header, records) : undefined;
      const safety = name === names[1] ? (config.remember_safety ?? "Medium") : "None";
      return { name, info: record?.[1], cookie: decodeCookie(header, record?.[0] ?? payload, ikm, safety) };
    });
    return { order, attributes, decoded };
  };
  if (difference?.entries) {
    const { decoded } = read(run.setCookies, dump);
    assert.deepEqual(
      decoded.map(({ cookie }) => JSON.parse(cookie.text)),
      [difference.entries],
    );
    const info = decoded[0]!.info;
    assert.deepEqual(info && JSON.parse(Buffer.from(info, "base64url").toString()), difference.info);
    return;
  }
  const expected = request.response.set_cookie;
  if (run.setCookies.length === expected.length && run.setCookies.every((text, at) => text === expected[at])) return;
  // Not the same bytes: then the sealed text was written in another order of keys, or deflated by another zlib.
  const ours = read(run.setCookies, dump);
  assert.ok(request.storage_after || !config.storage, "other bytes, and no record to compare");
  const theirs = read(expected, request.storage_after ?? {});
  assert.deepEqual(ours.order, theirs.order, "names of the cookies");
  assert.deepEqual(ours.attributes, theirs.attributes, "attributes of the cookies");
  assert.equal(ours.decoded.length, theirs.decoded.length);
  let excused = false;
  for (const [at, { cookie }] of theirs.decoded.entries()) {
    const own = ours.decoded[at]!.cookie;
    assert.equal(own.fields, cookie.fields, "header");
    assert.deepEqual(JSON.parse(own.text), JSON.parse(cookie.text), "payload");
    excused ||= cookie.deflated || own.text !== cookie.text;
  }
  assert.ok(excused, `the same text gave other bytes: ${run.setCookies} instead of ${expected}`);
}

function ikmOf({ ikm_hex, secret }: VectorConfig): Buffer {
  return ikm_hex ? Buffer.from(ikm_hex, "hex") : createHash("sha256").update(secret!).digest();
}

/** The record that belongs to a cookie, as payload and info. */
function recordOf(config: VectorConfig, name: string, header: string, dump: Dump): [string, string?] {
  const sid = Buffer.from(header, "base64url").subarray(3, 35);
  const key = config.hash_storage_key
    ? createHash("sha256").update(sid).digest("base64url")
    : sid.toString("base64url");
  const found = keysOf(dump).find((stored) => stored.key.includes(key) && stored.key.includes(name));
  assert.ok(found, `no record for ${name}`);
  return JSON.parse(found.value as string);
}

function compareStorage(actual: Dump, recordedDump: Dump): void {
  const ours = keysOf(actual);
  const theirs = keysOf(recordedDump);
  assert.deepEqual(
    ours.map(({ key }) => key),
    theirs.map(({ key }) => key),
    "keys in the storage",
  );
  for (const [at, { key, life, value }] of theirs.entries()) {
    const own = ours[at]!;
    const distance = life === own.life ? 0 : Math.abs((life ?? Number.NaN) - (own.life ?? Number.NaN));
    assert.ok(distance <= 1, `${key} lives ${own.life} instead of ${life}`);
    if (own.value === value) continue;
    // A record whose JSON had another order of keys: compareCookies has decrypted it, here its form is compared.
    if (typeof value === "string" && value.startsWith("["))
      assert.deepEqual(shape(own.value as string), shape(value), key);
    else assert.deepEqual(own.value, value, key);
  }
}

function shape(record: string): unknown[] {
  const [payload, ...info] = JSON.parse(record);
  return [typeof payload, ...info];
}
