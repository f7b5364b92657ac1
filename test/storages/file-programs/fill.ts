import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { fileStorage } from "../../../src/session/index.ts";

// Writes sessions of one subject until no more fit; run with a limit on the size of files.

const storage = fileStorage({ path: process.argv[2]! });
const now = 1_900_000_000;
const metadata = [{ audience: "YXVk", subject: "c3Vi" }];
const write = (value: string) =>
  storage.set("session", randomBytes(32).toString("base64url"), value, { now, ttl: 100, metadata });

await assert.rejects(write("x".repeat(100_000)), { code: "EFBIG" });
await assert.rejects(
  async () => {
    for (let number = 0; number < 200; number++) await write("x".repeat(100));
  },
  { code: "EFBIG" },
);
