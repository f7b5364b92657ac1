import { sidOf } from "./header.ts";
import { dashed, headerName, headerPropertyOf } from "./header-names.ts";
import { currentEntry, type SessionState } from "./state.ts";
import { timeLeft } from "./timeouts.ts";

/** What a property can be: texts, numbers, and the raw bytes of `nonce`. */
export type PropertyValue = string | number | Uint8Array;

/**
 * A property of a session (SPEC-session-v4 §11), by its name with dashes or underscores. Times left are seen at `now`: absent,
 * when it was opened or last saved.
 */
export function propertyOf(state: SessionState, name: string, now?: number): PropertyValue | undefined {
  const { settings, session } = state;
  const property = dashed(name);
  if (property === "audience" || property === "subject") return currentEntry(state)[property];
  if (session === undefined) return undefined;
  const { header, timestamp } = session;
  const seen = now ?? timestamp;
  switch (property) {
    case "id":
      return sidOf(header).toString("base64url");
    case "nonce":
      return sidOf(header);
    case "timeout":
      return timeLeft(settings.session, header, seen).remaining;
    case "idling-timeout":
      return timeLeft(settings.session, header, seen).idling;
    case "rolling-timeout":
      return timeLeft(settings.session, header, seen).rolling;
    case "absolute-timeout":
      return timeLeft(settings.session, header, seen).absolute;
    case "creation-time":
      return header.created_at;
    case "rolling-offset":
      return header.rolling_offset;
    case "idling-offset":
      return header.idling_offset;
    case "data-size":
      return header.data_size;
    case "flags":
      return header.flags;
    case "timestamp":
      return timestamp;
    default:
      return undefined;
  }
}

/** The headers of these properties; what is absent has none, and what is no header property is passed over. */
export function headersOf(state: SessionState, names: readonly string[], now?: number): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of names) {
    const property = headerPropertyOf(name);
    const value = property && propertyOf(state, property, now);
    if (property && value !== undefined) headers[headerName(property)] = String(value);
  }
  return headers;
}
