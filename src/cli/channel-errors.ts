import { DatabaseError, type DatabaseErrorCode } from "../database/index.ts";
import { EntityError, type EntityErrorBody } from "../schema/index.ts";
import { CommandError } from "./command.ts";

/** An error on its way to another process, as plain JSON. */
export type ErrorMessage =
  | { readonly kind: "entity"; readonly body: EntityErrorBody }
  | { readonly kind: "database"; readonly code: DatabaseErrorCode; readonly message: string }
  | { readonly kind: "command"; readonly message: string }
  | { readonly kind: "other"; readonly message: string; readonly stack?: string | undefined };

export function describeError(error: unknown): ErrorMessage {
  if (error instanceof EntityError) return { kind: "entity", body: error.toJSON() };
  if (error instanceof DatabaseError) return { kind: "database", code: error.code, message: error.message };
  if (error instanceof CommandError) return { kind: "command", message: error.message };
  if (error instanceof Error) return { kind: "other", message: error.message, stack: error.stack };
  return { kind: "other", message: String(error) };
}

/** The error again, of the same class where callers tell classes apart. */
export function reviveError(message: ErrorMessage): Error {
  switch (message.kind) {
    case "entity":
      return new EntityError(message.body);
    case "database":
      return new DatabaseError(message.code, message.message);
    case "command":
      return new CommandError(message.message);
    case "other":
      return Object.assign(new Error(message.message), message.stack !== undefined && { stack: message.stack });
  }
}
