import { reasons, type SessionReason } from "../../session/index.ts";

/** Why a session that opened is not accepted, besides what the engine's table has. */
const own = {
  invalid_session_owner: "session names no consumer",
  consumer_deleted: "session consumer deleted",
  credential_changed: "session credential deleted or changed",
} as const;

/** Why a visitor's session is not accepted: the stable words of logs, metrics and `Session-Reason`. */
export type Refusal = SessionReason | keyof typeof own;

/** The words for logs. */
export function describeRefusal(refusal: Refusal): string {
  if (refusal in own) return `session not accepted (${own[refusal as keyof typeof own]})`;
  const message = reasons[refusal as SessionReason];
  const hasOpened = refusal === "revoked" || refusal === "replaced";
  return hasOpened ? `session not accepted (${message})` : `session not present (${message})`;
}
