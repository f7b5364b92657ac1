import { SessionError } from "./errors.ts";
import type { JsonValue } from "./payload.ts";

/** Whether a session can hold this as its data: an object or a list. */
export const isTable = (data: unknown): data is object => typeof data === "object" && data !== null;

/** A value by its key, own ones only; undefined when there is none. */
export function readValue(data: JsonValue, key: string): JsonValue | undefined {
  return isTable(data) && Object.hasOwn(data, key) ? (data as { [key: string]: JsonValue })[key] : undefined;
}

/** Set a value by its key, whatever the key is called, or remove it (undefined). Throws `ERR_SESSION_DATA` for a list. */
export function writeValue(data: JsonValue, key: string, value: JsonValue | undefined): void {
  // JSON would lose the named values of a list.
  if (!isTable(data) || Array.isArray(data)) throw new SessionError("ERR_SESSION_DATA", "invalid session data");
  if (value === undefined) Reflect.deleteProperty(data, key);
  else Object.defineProperty(data, key, { value, enumerable: true, writable: true, configurable: true });
}
