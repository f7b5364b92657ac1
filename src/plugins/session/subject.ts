import type { Consumer } from "../../gateway/index.ts";

/** Whom the session of a consumer is about. */
export function subjectOf({ id, username, custom_id }: Consumer): string {
  return username ?? custom_id ?? id;
}
