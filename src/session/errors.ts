/** What a session operation can fail with, each code with the situation it names. */
export const sessionErrorCodes = {
  ERR_SESSION_OPTION: "an option is unknown, or its value is not one of the accepted ones",
  ERR_SESSION_CLOSED: "the session was closed, logged out or destroyed before",
  ERR_SESSION_NOT_OPEN: "the operation needs a session that was opened or saved",
  ERR_SESSION_DATA: "the data is not an object or a list, or JSON cannot carry it",
  ERR_SESSION_DATA_SIZE: "the data is larger than a storage record may be (16777215 characters when sealed)",
  ERR_SESSION_COOKIE_SIZE: "the data does not fit into the cookies a browser accepts, or into the configured limit",
  ERR_SESSION_TIME: "the clock handed in is no time, or beyond what a session header can hold",
  ERR_SESSION_RANDOM: "the source of random bytes failed",
  ERR_SESSION_STORAGE: "the storage failed; `cause` has its error",
} as const;

export type SessionErrorCode = keyof typeof sessionErrorCodes;

/** An operation that failed. Messages are those of lua-resty-session where it has one (SPEC-session-v4 §15). */
export class SessionError extends Error {
  override readonly name = "SessionError";
  readonly code: SessionErrorCode;

  constructor(code: SessionErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
