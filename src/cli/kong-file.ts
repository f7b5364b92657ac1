import type { Entity } from "../schema/index.ts";
import { CommandError } from "./command.ts";
import { linesOf } from "./declarative-faults.ts";
import { isMapping, walkDeclarative } from "./declarative-walk.ts";
import type { Plain } from "./kong-document.ts";
import { deckDefaults, finishRow, type KongFileOptions } from "./kong-file-rows.ts";
import { importable, type KongRow, type KongSource, kongCollections } from "./kong-rows.ts";

/** Members that say something about a file and not about the gateway. */
const ABOUT = new Set(
  "_format_version _transform _comment _ignore _info _workspace _konnect _plugin_configs workspaces parameters".split(
    " ",
  ),
);

/**
 * The rows of a declarative file, or of a dump of decK: nested rows on their own, with the ids that Kong gives them.
 * Throws CommandError when the document is no such file.
 */
export function readKongFile(document: Plain, what: string, options: KongFileOptions): KongSource {
  if (!isMapping(document)) throw new CommandError(`${what} is no declarative configuration: expected a mapping`);
  const unknown: { kind: string; row: KongRow }[] = [];
  const { items, transform, resolve } = walkDeclarative(document, {
    entities: importable,
    about: ABOUT,
    complete: deckDefaults(document),
    fault(place, fault, item) {
      throw new CommandError(linesOf(what, [{ place, fault, item }])[0]!);
    },
    unknown(_place, kind, rows) {
      if (!kongCollections.has(kind)) unknown.push({ kind, row: {} });
      else if (Array.isArray(rows)) for (const row of rows) unknown.push({ kind, row: isMapping(row) ? row : {} });
      else if (rows !== null) unknown.push({ kind, row: {} });
    },
  });

  const rows = new Map<Entity, KongRow[]>(importable.map((entity) => [entity, []]));
  for (const item of items) {
    const finished = finishRow(item.entity, resolve(item), { ...options, transform: options.transform ?? transform });
    if (finished) rows.get(item.entity)!.push(finished);
  }
  return {
    async *rows(entity) {
      yield* rows.get(entity) ?? [];
    },
    async *unknown() {
      yield* unknown;
    },
  };
}
