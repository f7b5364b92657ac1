/** What can be wrong with a database. Callers match `code`. */
export const databaseErrors = {
  /** The file or its folder cannot be read or written. */
  OPEN: "ERR_DATABASE_OPEN",
  /** The file is something else, or damaged. */
  FORMAT: "ERR_DATABASE_FORMAT",
  /** It was written by a newer version. */
  NEWER: "ERR_DATABASE_NEWER",
  /** It must be migrated by a process that may write. */
  OLDER: "ERR_DATABASE_OLDER",
  /** A value is more than the database can hold. */
  REFUSED: "ERR_DATABASE_REFUSED",
  /** A statement failed: disk full, connection lost, locked for too long. */
  FAILED: "ERR_DATABASE_FAILED",
} as const;

export type DatabaseErrorCode = (typeof databaseErrors)[keyof typeof databaseErrors];

export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "DatabaseError";
    this.code = code;
  }
}
