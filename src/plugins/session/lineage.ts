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

export function lineageOf({ consumerId, lineage }: Owner, { since, audience, subject }: Origin): string {
  if (lineage !== undefined) return lineage;
  if (since === undefined) return newLineage(0);
  const words = JSON.stringify([consumerId, subject ?? null, audience, since]);
  return `${since.toString(36)}.${hash("sha256", words, "base64url").slice(0, 16)}`;
}

/** What a session that has no lineage derives one from. */
export interface Origin {
  /** When it was created; 0 when its login was before that, undefined when it has no header. */
  readonly since: number | undefined;
  readonly audience: string;
  readonly subject: string | undefined;
}

export function originOf(session: Session): Origin {
  const created = session.createdAt;
  const since = created !== undefined && session.cookies.length > 0 ? 0 : created;
  return { since, audience: session.audience, subject: session.subject };
}

/** When the login of a lineage was, in seconds since the epoch; 0 when that is not known. */
export function loginOf(lineage: string): number {
  const [, digits] = /^([0-9a-z]{1,11})\./.exec(lineage) ?? [];
  return digits === undefined ? 0 : Number.parseInt(digits, 36);
}
