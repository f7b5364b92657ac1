import type { Stores } from "../entities/index.ts";
import type { Masker } from "../log.ts";
import type { Row } from "../schema/index.ts";
import { followRows } from "./follow-rows.ts";

/** Members of a plugin's configuration that name what carries a secret: headers, arguments, cookies. */
const NAMING = ["key_names", "cookie_name", "remember_cookie_name"];

/**
 * Have the masker hide what the configured plugins take secrets from, now and after every change. To be called before the
 * gateway hears of changes, so that no request is served with a name that is not hidden yet. Answers how to stop.
 */
export function maskConfiguredNames(masker: Masker, stores: Stores): Promise<() => void> {
  return followRows(stores, ["plugins"], (rows) => {
    masker.configure([...rows.get("plugins")!.values()].flatMap(namesIn));
  });
}

function namesIn({ config }: Row): string[] {
  const members = (config ?? {}) as Readonly<Record<string, unknown>>;
  return NAMING.flatMap((name) => members[name]).filter((name) => typeof name === "string");
}
