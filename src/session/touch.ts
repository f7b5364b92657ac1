import { splitPayload } from "./chunks.ts";
import { touchHeader } from "./header.ts";
import { sign } from "./seal.ts";
import type { SetCookie } from "./set-cookie.ts";
import { boundTo, type SessionState } from "./state.ts";

/**
 * Write down that the session was used (SPEC-session-v4 §10.4): only the idling offset and the MAC change, made with the
 * keys the cookie was opened with. Further chunks and the record stay as they are.
 */
export function touchSession(state: SessionState, now: number): readonly SetCookie[] {
  const { attributes, session } = state.settings;
  const meta = state.session!;
  const header = touchHeader(meta.header, now - meta.header.created_at - meta.header.rolling_offset);
  sign(header, meta.keys, boundTo(state, header.flags));
  state.session = { ...meta, header };
  const payload = session.storage ? "" : splitPayload(session.name, meta.payload, 1)[0];
  return [{ name: session.name, text: `${session.name}=${header.bytes.toString("base64url")}${payload}${attributes}` }];
}
