import { hash, randomBytes } from "node:crypto";
import type { Session } from "../../session/index.ts";
import type { Owner } from "./owner.ts";

/**
 * The id of a lineage: all cookies that descend from one login.
 *
 *   <seconds since the epoch of the login, in base 36> . <16 characters>
 *
 * It travels within the sealed data and survives saves, as session ids do not. For cookies without one it is derived, so that
 * it is the same for all of them: from consumer, subject, audience and creation time. A session that was just opened by a
 * remember cookie, or by one of an older release, does not know when its login was: then that was before all times.
 */
export function newLineage(now: number): string {
  return `${now.toString(36)}.${randomBytes(12).toString("base64url")}`;
}

export function lineageOf({ consumerId, lineage }: Owner, session: Session): string {
  if (lineage !== undefined) return lineage;
  const created = session.header?.created_at;
  if (created === undefined) return newLineage(0);
  const since = session.cookies.length > 0 ? 0 : created;
  const words = JSON.stringify([consumerId, session.subject ?? null, session.audience, since]);
  return `${since.toString(36)}.${hash("sha256", words, "base64url").slice(0, 16)}`;
}

/** When the login of a lineage was, in seconds since the epoch; 0 when that is not known. */
export function loginOf(lineage: string): number {
  const [, digits] = /^([0-9a-z]{1,11})\./.exec(lineage) ?? [];
  return digits === undefined ? 0 : Number.parseInt(digits, 36);
}
