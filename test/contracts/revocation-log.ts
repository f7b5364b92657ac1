import assert from "node:assert/strict";
import { test } from "node:test";
import type { RevocationLog } from "../../src/plugins/session/revocation-logs/log.ts";

/** Read a log on: the keys that were found, each once, and whether from the start. */
export async function readAll(log: RevocationLog, now: number): Promise<{ keys: string[]; isAnew: boolean }> {
  const keys = new Set<string>();
  let isAnew = false;
  await log.read({ found: ({ key }) => keys.add(key), anew: () => (isAnew = true) }, now);
  return { keys: [...keys].sort(), isAnew };
}

export interface RevocationLogBackend {
  /** A log under this name. */
  open(name: string): RevocationLog;
  /** Put a text where an entry would be. */
  plant(name: string, text: string): Promise<unknown>;
  /** Delete everything. */
  empty(): Promise<unknown>;
}

const now = Math.floor(Date.now() / 1000);
const entry = (lineage: string, life = 1000) => ({ key: `lineage:${lineage}`, before: null, expires: now + life });

/** What holds for every log of what is revoked. */
export function testRevocationLog(kind: string, backend: () => RevocationLogBackend): void {
  test(`${kind}: what one appends the others find, and nobody twice for long`, async () => {
    const [one, two] = [backend().open("common"), backend().open("common")];
    assert.deepEqual(await readAll(one, now), { keys: [], isAnew: true });
    await one.append(entry("a"), now);
    await two.append({ key: '[null,"jürgen"]', before: now, expires: now + 34_560_000 }, now);
    for (const log of [one, two]) {
      assert.deepEqual((await readAll(log, now)).keys, ['[null,"jürgen"]', "lineage:a"]);
    }
    await two.append(entry("b"), now);
    const next = await readAll(one, now);
    assert.ok(next.keys.includes("lineage:b"));
    assert.equal(next.isAnew, false);
    assert.deepEqual(await readAll(backend().open("other"), now), { keys: [], isAnew: true });
  });

  test(`${kind}: appends of many at once are found by who reads all the time`, async () => {
    const logs = Array.from({ length: 4 }, () => backend().open("many"));
    const reader = backend().open("many");
    const found = new Set<string>();
    const acknowledged = new Set<string>();
    let isOver = false;
    const reading = (async () => {
      while (!isOver) {
        const expected = [...acknowledged];
        for (const key of (await readAll(reader, now)).keys) found.add(key);
        for (const key of expected) assert.ok(found.has(key), `${key} was acknowledged before`);
      }
    })();
    await Promise.all(
      logs.map(async (log, at) => {
        for (let i = 0; i < 100; i++) {
          await log.append(entry(`${at}.${i}`), now);
          acknowledged.add(`lineage:${at}.${i}`);
        }
      }),
    );
    isOver = true;
    await reading;
    assert.equal((await readAll(backend().open("many"), now)).keys.length, 400);
  });

  test(`${kind}: what is no entry is passed over`, async () => {
    const { open, plant } = backend();
    const log = open("planted");
    await log.append(entry("a"), now);
    for (const text of [
      "",
      "x",
      "null",
      "[]",
      '{"key":"lineage:b","before":null,"expi',
      '{"before":null,"expires":1}',
    ]) {
      await plant("planted", text);
    }
    await log.append(entry("c"), now);
    for (const reader of [log, open("planted")]) {
      assert.deepEqual((await readAll(reader, now)).keys, ["lineage:a", "lineage:c"]);
    }
  });

  test(`${kind}: that everything was deleted is noticed, also when others have written since`, async () => {
    const { open, empty } = backend();
    const [one, two] = [open("emptied"), open("emptied")];
    for (let i = 0; i < 5; i++) await one.append(entry(`a${i}`), now);
    for (const log of [one, two]) await readAll(log, now);
    await empty();
    await two.append(entry("b"), now);
    assert.deepEqual(await readAll(one, now), { keys: ["lineage:b"], isAnew: true });
    assert.equal((await readAll(one, now)).isAnew, false);
  });
}
