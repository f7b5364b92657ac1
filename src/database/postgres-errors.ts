import { DatabaseError, type DatabaseErrorCode, databaseErrors } from "./errors.ts";

// SQLSTATE codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
const SERIALIZATION_FAILURE = "40001";
const DEADLOCK_DETECTED = "40P01";
const FOREIGN_KEY_VIOLATION = "23503";
const UNIQUE_VIOLATION = "23505";
/** Class 22: a value that its column cannot have. Class 54: one that is too large, as for an index. */
const DATA_EXCEPTION = /^(22|54)/;

/** The SQLSTATE of an error that the server reported; undefined for those of the connection. */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === "string" && typeof severity === "string" ? code : undefined;
}

export function isViolation(error: unknown): boolean {
  const state = stateOf(error);
  return state === UNIQUE_VIOLATION || state === FOREIGN_KEY_VIOLATION;
}

/**
 * Whether the transaction clashed with another one and may succeed when it is run again. A broken foreign key that a write
 * has not turned into a `Conflict` is a row that was added below one that is being deleted.
 */
export function isClash(error: unknown): boolean {
  const state = stateOf(error);
  return state === SERIALIZATION_FAILURE || state === DEADLOCK_DETECTED || state === FOREIGN_KEY_VIOLATION;
}

/** Whether the connection can go on being used. Those on which the server ends the session are FATAL. */
export function leavesConnection(error: unknown): boolean {
  return stateOf(error) !== undefined && (error as { severity?: unknown }).severity === "ERROR";
}

/** The error for callers. Its message holds no values: where the server's would quote one, only the code is told. */
export function failure(description: string, error: unknown): DatabaseError {
  const state = stateOf(error);
  if (state !== undefined && DATA_EXCEPTION.test(state)) {
    return new DatabaseError(databaseErrors.REFUSED, `the database ${description} cannot hold a value (${state})`);
  }
  return wrap(databaseErrors.FAILED, `the database ${description} failed`, error);
}

export function wrap(code: DatabaseErrorCode, what: string, error: unknown): DatabaseError {
  return new DatabaseError(code, `${what}: ${reasonOf(error)}`, error);
}

/** All addresses of a name may have failed, and the error that joins them says nothing itself. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasonOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}
