import type { Change, Stores } from "../entities/index.ts";
import type { Masker } from "../log.ts";
import type { Row } from "../schema/index.ts";

/** Members of a plugin's configuration that name what carries a secret: headers, arguments, cookies. */
const NAMING = ["key_names", "cookie_name", "remember_cookie_name"];

/**
 * Have the masker hide what the configured plugins take secrets from, now and after every change. Call it before the gateway
 * hears of changes itself. Answers how to stop.
 */
export async function maskConfiguredNames(masker: Masker, stores: Stores): Promise<() => void> {
  const byRow = new Map<string, readonly string[]>();
  const refresh = () => masker.configure([...byRow.values()].flat());
  const stop = stores.onChange(
    (changes: readonly Change[]) => {
      for (const { operation, row } of changes) {
        if (operation === "delete") byRow.delete(row.id);
        else byRow.set(row.id, namesIn(row));
      }
      refresh();
    },
    ["plugins"],
  );
  for (const row of (await stores.named("plugins")?.all()) ?? []) byRow.set(row.id, namesIn(row));
  refresh();
  return stop;
}

function namesIn({ config }: Row): string[] {
  const members = (config ?? {}) as Readonly<Record<string, unknown>>;
  return NAMING.flatMap((name) => members[name]).filter((name) => typeof name === "string");
}
