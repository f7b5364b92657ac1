import { LONGEST_REVOCATION, type Revocable, revocationKey, type SessionLineage } from "../../entities/index.ts";
import { type ErrorTree, type Row, schemaViolation } from "../../schema/index.ts";
import type { Body } from "../body.ts";
import type { SessionStores } from "./sessions.ts";

/** Until when logins are meant, in seconds since the epoch, and whose; all where nothing is said. */
export interface Revocation {
  readonly before: number;
  readonly audience: string | undefined;
  readonly subject: string | undefined;
}

const MEMBERS = new Set(["before", "audience", "subject"]);

/** Read the body of `POST /sessions/revoke`. Throws code 2. */
export function readRevocation({ input, isForm }: Body): Revocation {
  const faults: Record<string, string> = {};
  for (const name of Object.keys(input)) if (!MEMBERS.has(name)) faults[name] = "unknown field";
  const { before: sent, audience, subject } = input;
  const before = isForm && typeof sent === "string" && /^\d+$/.test(sent) ? Number(sent) : sent;
  if (before === undefined || before === null) faults["before"] = "required field missing";
  else if (!Number.isSafeInteger(before) || (before as number) < 1) faults["before"] = "expected an integer";
  else if ((before as number) > Date.now() / 1000 + 1) faults["before"] = "must not be in the future";
  for (const [name, value] of Object.entries({ audience, subject })) {
    if (value !== undefined && (typeof value !== "string" || value === "")) faults[name] = "expected a text";
  }
  if (Object.keys(faults).length > 0) throw schemaViolation(faults as ErrorTree);
  return { before, audience, subject } as Revocation;
}

/** Revoke what was opened before a time. What was revoked before stays so. */
export async function revokeBefore({ revocations }: SessionStores, what: Revocable, before: number): Promise<void> {
  const key = revocationKey(what);
  const known = await revocations.select({ key });
  const latest = Math.max(before, Number(known?.["before"] ?? 0));
  const expires = Math.floor(Date.now() / 1000) + LONGEST_REVOCATION;
  await revocations.upsert({ key }, { key, before: latest, expires, ttl: LONGEST_REVOCATION });
}

/** Revoke logins and drop their records. */
export async function revokeLineages(
  { revocations, lineages, ended }: SessionStores,
  rows: readonly (SessionLineage & Row)[],
): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  for (const { id, lineage, over } of rows) {
    const key = revocationKey({ lineage });
    const ttl = over === null ? LONGEST_REVOCATION : Math.max(60, over - now);
    await revocations.upsert({ key }, { key, expires: now + ttl, ttl: ttl + 1 });
    if (await lineages.delete({ id })) ended();
  }
}
