import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cleanUpFiles } from "./file-clean-up.ts";

const now = 1_900_000_000;
const key = "A".repeat(43);
const named = { before: "p_session_", after: ".s" };

const rows: readonly (readonly [file: string, expires: number, goes: boolean])[] = [
  [`p_session_${key}.s`, now - 1, true],
  [`p_session_B${key.slice(1)}.s`, now, false],
  ["p_session_YXVk:c3Vi.s", now - 1, true],
  ["p_session_YXVk:b3Ro.s", now + 1, false],
  ["p_session_YXVk:a raw subject.s", now - 1, true],
  [`p_session_${key}`, 0, false],
  [`p_session_${key}.s2`, 0, false],
  [`p_session_${key}A.s`, 0, false],
  [`p_remember_${key}.s`, 0, false],
  [`q_session_${key}.s`, 0, false],
  ["p_session_notes.s", 0, false],
  ["p_session_:x.s", 0, false],
  ["p_session_.s", 0, false],
  [".s", 0, false],
  [".sesame-0123", now + 100, true],
];

function filesOf(t: { after(work: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-clean-up-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [file, expires] of rows) {
    writeFileSync(join(folder, file), "");
    utimesSync(join(folder, file), expires, expires);
  }
  mkdirSync(join(folder, `p_session_C${key.slice(1)}.s`));
  return folder;
}

test("what has expired goes, and what is no session of this name stays", async (t) => {
  const folder = filesOf(t);
  await cleanUpFiles(folder, named, now, -1_000);
  const left = readdirSync(folder);
  for (const [file, , goes] of rows) assert.equal(left.includes(file), !goes, file);
  assert.equal(left.length, rows.filter(([, , goes]) => !goes).length + 1);
});

test("what was changed a moment ago stays, expired or not", async (t) => {
  const folder = filesOf(t);
  await cleanUpFiles(folder, named, now);
  assert.equal(readdirSync(folder).length, rows.length + 1);
});

test("several at once do not mind each other", async (t) => {
  const folder = filesOf(t);
  await Promise.all([1, 2, 3].map(() => cleanUpFiles(folder, named, now, -1_000)));
});
