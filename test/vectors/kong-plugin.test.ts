import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type Difference, differences } from "./kong-plugin-differences.ts";
import { type Outcome, runVector, type VectorRequest, type Vectors } from "./kong-plugin-run.ts";

const { vectors } = JSON.parse(readFileSync(new URL("kong-plugin.json", import.meta.url), "utf8")) as Vectors;

describe("every vector of Kong's session plugin", () => {
  for (const vector of vectors) {
    it(`${vector.id}: ${vector.title}`, async (t) => {
      const outcomes = await runVector(t, vector);
      for (const [index, step] of vector.requests.entries()) {
        const difference = differences.find((item) => item.vector === vector.id && item.request === index);
        compare(outcomes[index]!, step, difference, `request ${index}`);
        // A difference that is none any more has to go.
        if (difference) assert.throws(() => compare(outcomes[index]!, step, undefined, ""));
      }
    });
  }

  it("differs nowhere but in requests that exist", () => {
    for (const { vector, request } of differences) {
      assert.ok(vectors.find(({ id }) => id === vector)?.requests[request], `${vector}, request ${request}`);
    }
  });
});

function compare(outcome: Outcome, step: VectorRequest, difference: Difference | undefined, where: string): void {
  const { response, database_after } = step;
  const ours = difference?.response;
  assert.equal(outcome.status, ours?.status ?? response.status, where);
  assert.deepEqual(outcome.setCookie, ours ? [] : [response.headers["set-cookie"] ?? []].flat(), where);
  assert.deepEqual(outcome.told, ours ? {} : named(response.headers, /^session-/), where);
  assert.equal(outcome.body, ours?.body ?? response.body, where);
  const upstream = ours ? undefined : response.upstream_request_headers;
  const withheld = difference?.withheld ?? [];
  assert.deepEqual(
    outcome.upstream,
    upstream && named(upstream, { test: (name) => !OF_THE_PROXY.has(name) && !withheld.includes(name) }),
    where,
  );
  const refusals = step.plugin_log.filter((line) => line.startsWith("debug: session not present"));
  assert.deepEqual(outcome.refusals, ours ? ["debug: session not present (unable to load session)"] : refusals, where);
  if (!database_after) return;
  const expected = database_after.sessions.map(({ session_id, expires, created_at, data }) => {
    return { session_id, expires, created_at, data };
  });
  if (difference?.rows) {
    const found = outcome.rows.map(({ session_id, expires }) => [session_id, expires]);
    assert.deepEqual(found.sort(), [...difference.rows].sort(), where);
  } else assert.deepEqual(byId(outcome.rows), byId(expected), where);
  const metadata = database_after.session_metadatas.map(({ sid, subject, audience }) => ({ sid, subject, audience }));
  assert.deepEqual(outcome.metadata, metadata, where);
}

/** Fields that the proxy writes, after the plugins. */
const OF_THE_PROXY = new Set(["host", "connection", "content-length"]);

function named<T>(headers: Record<string, T>, wanted: { test(name: string): boolean }): Record<string, T> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => wanted.test(name)));
}

function byId<T extends { readonly session_id: string }>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => (a.session_id < b.session_id ? -1 : 1));
}
