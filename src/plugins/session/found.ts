import { contextKey } from "../../gateway/index.ts";
import type { Session } from "../../session/index.ts";
import type { Owner } from "./owner.ts";

/** What the access phase found out about the visitor's session. */
export interface Found {
  /** The session, open or not; absent for a visitor who was recognised from memory, and for a session that does not count. */
  readonly session?: Session;
  /** Whether there is a session that does not count any more: a login starts with a new one. */
  readonly isDropped?: boolean;
  /** Its owner, when it authenticated the request. */
  readonly owner?: Owner;
}

export const found = contextKey<Found>("session");
