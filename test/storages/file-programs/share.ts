import { randomBytes } from "node:crypto";
import { fileStorage } from "../../../src/session/index.ts";

// Logs a hundred sessions of one subject in and renews each of them; two of these run at the same time.

const storage = fileStorage({ path: process.argv[2]!, cleanUpProbability: 0.2 });
const now = 1_900_000_000;
const metadata = [{ audience: "YXVk", subject: "c3Vi" }];
const key = () => randomBytes(32).toString("base64url");

async function visit(number: number): Promise<void> {
  const [old, renewed] = [key(), key()];
  await storage.set("session", old, `["${number}"]`, { now, ttl: 100, metadata });
  await storage.set("session", renewed, `["${number}"]`, { now, ttl: 100, replaces: old, stale_ttl: 10, metadata });
  // All sessions of all processes meet in this one.
  await storage.set("session", "A".repeat(43), `["${number}"]`, { now, ttl: 100 });
}

for (let number = 0; number < 100; number += 5) {
  await Promise.all([0, 1, 2, 3, 4].map((offset) => visit(number + offset)));
}
