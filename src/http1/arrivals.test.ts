import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { arrivals, arrive, deliverTo, type Receiver } from "./arrivals.ts";

const taken: string[] = [];

/** A receiver that writes down what it is given. */
function receiver(name: string, isClient: boolean): Receiver {
  return { isClient, take: (bytes) => taken.push(`${name}:${bytes.toString("latin1")}`) > 0 };
}

/** What Node does when a connection has read something. */
function read(to: Receiver, text: string): void {
  arrivals.write(text, "latin1");
  arrive(to, text.length);
}

test("what has come in a turn is taken at its end, requests before answers", async () => {
  const [a, b] = [receiver("a", true), receiver("b", true)];
  const [x, y] = [receiver("x", false), receiver("y", false)];
  read(x, "answer");
  read(a, "GET /a");
  read(y, "");
  read(b, "GET /longer");
  assert.deepEqual(taken, []);
  await turn();
  assert.deepEqual(taken.splice(0), ["a:GET /a", "b:GET /longer", "x:answer", "y:"]);
  read(a, "again");
  await turn();
  assert.deepEqual(taken.splice(0), ["a:again"]);
});

test("what is long is taken at once, but behind what has come before it for the same receiver", async () => {
  const [a, b] = [receiver("a", true), receiver("b", false)];
  const long = "x".repeat(4097);
  read(a, "head");
  read(b, long);
  assert.deepEqual(taken.splice(0), [`b:${long}`]);
  read(a, long);
  assert.deepEqual(taken.splice(0), ["a:head", `a:${long}`]);
  await turn();
  assert.deepEqual(taken, []);
});

test("more than there is room for in a turn is taken at once, and nothing is lost", async () => {
  const receivers = Array.from({ length: 50 }, (_, i) => receiver(`${i}`, i % 2 === 0));
  for (const [i, to] of receivers.entries()) read(to, `${i}`.padStart(4096, "-"));
  assert.deepEqual(
    taken.map((text) => text.slice(-2)),
    Array.from({ length: 18 }, (_, i) => `${i + 32}`),
  );
  await turn();
  const all = taken.splice(0).map((text) => Number(/^\d+/.exec(text)![0]));
  assert.deepEqual(
    all.sort((a, b) => a - b),
    receivers.map((_, i) => i),
  );
});

test("a receiver to which something else happens has what is kept for it before, and it alone", async () => {
  const [a, b, c] = [receiver("a", true), receiver("b", false), receiver("c", true)];
  for (const [to, text] of [
    [c, "first"],
    [a, "one"],
    [c, "second"],
    [a, "two"],
  ] as const)
    read(to, text);
  deliverTo(b);
  assert.deepEqual(taken, []);
  deliverTo(a);
  assert.deepEqual(taken.splice(0), ["a:one", "a:two"]);
  await turn();
  assert.deepEqual(taken.splice(0), ["c:first", "c:second"]);
});
