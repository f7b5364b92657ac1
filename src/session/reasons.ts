/**
 * Why a session was not opened: the one vocabulary. On the left our word, on the right the message of lua-resty-session
 * without its parenthesis (SPEC-session-v4 §15.1). The last three are Sesame's own.
 */
export const reasons = {
  missing_session_cookie: "missing session cookie",
  invalid_session_header: "invalid session header",
  unable_to_base64url_decode_session_header: "unable to base64url decode session header",
  invalid_session_cookie_type: "invalid session cookie type",
  invalid_session_flags: "invalid session flags",
  invalid_session_id: "invalid session id",
  invalid_session_creation_time: "invalid session creation time",
  invalid_session_rolling_offset: "invalid session rolling offset",
  invalid_session_data_size: "invalid session data size",
  invalid_session_tag: "invalid session tag",
  invalid_session_idling_offset: "invalid session idling offset",
  session_lifetime_exceeded: "session lifetime exceeded",
  session_absolute_timeout_exceeded: "session absolute timeout exceeded",
  session_rolling_timeout_exceeded: "session rolling timeout exceeded",
  session_idling_timeout_exceeded: "session idling timeout exceeded",
  session_remember_absolute_timeout_exceeded: "session remember absolute timeout exceeded",
  session_remember_rolling_timeout_exceeded: "session remember rolling timeout exceeded",
  invalid_session_message_authentication_code: "invalid session message authentication code",
  cookie_size_limit_exceeded: "cookie size limit exceeded",
  missing_session_cookie_chunk: "missing session cookie chunk",
  unable_to_load_session: "unable to load session",
  unable_to_json_decode_session: "unable to json decode session",
  unable_to_base64url_decode_session_info: "unable to base64url decode session info",
  unable_to_json_decode_session_info: "unable to json decode session info",
  invalid_session_payload: "invalid session payload",
  unable_to_base64url_decode_session_data: "unable to base64url decode session data",
  unable_to_decrypt_session_data: "unable to decrypt session data",
  unable_to_inflate_session_data: "unable to inflate session data",
  unable_to_json_decode_session_data: "unable to json decode session data",
  missing_session_audience: "missing session audience",
  unable_to_store_session_data: "unable to store session data",
  revoked: "session revoked",
  replaced: "session replaced",
  storage_unavailable: "session storage unavailable",
} as const;

/** One word of the table. */
export type SessionReason = keyof typeof reasons;

const byMessage = new Map(
  Object.entries(reasons).map(([reason, message]) => [message as string, reason as SessionReason]),
);

/** Our word for a message of lua-resty-session, whatever it has in parentheses. Undefined for a message not in the table. */
export function reasonOf(message: string): SessionReason | undefined {
  return byMessage.get(message.replace(/ \(.*\)$/s, ""));
}
