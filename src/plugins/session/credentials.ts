import { hash } from "node:crypto";
import type { Credential, Lookups, Remembered } from "../../gateway/index.ts";
import { type Awaitable, andThen, type Entity, isUuid, type Row } from "../../schema/index.ts";
import type { Owner } from "./owner.ts";

/**
 * Follows the credentials by which sessions were opened. A session keeps a mark of its credential, the entity's name and a
 * hash of what makes the credential what it is:
 *
 *   keyauth_credentials:J6n4Qs0dFhM
 *
 * A session without a mark, such as one of Kong's, is not followed, nor is one that was opened by what is no row here.
 */
export interface Credentials {
  /** The mark of the credential with this id as it is now; undefined when it is no row. */
  markOf(credentialId: string | undefined): Awaitable<string | undefined>;
  /** The mark of a credential as it let a client in, be it deleted or changed since; undefined when it is no row. */
  markOfUsed(credential: Credential): Awaitable<string | undefined>;
  /** Whether the credential is what it was. */
  isUnchanged(owner: Owner): Awaitable<boolean>;
  /** The credential as memory has it, if it is what it was; undefined when memory does not know. Where none is followed, one that stays. */
  watch(owner: Owner): Remembered<unknown> | undefined;
}

export function createCredentials(lookups: Lookups): Credentials {
  const sizeOf = ({ fields }: Entity) => Object.keys(fields).length;
  // A row is known by its fields: one entity may have all of another's, and more.
  const entities = lookups.entities.filter(({ credential }) => credential).sort((a, b) => sizeOf(b) - sizeOf(a));
  const marks = new WeakMap<Row, string>();

  function markOfRow(entity: Entity, row: Row): string {
    let mark = marks.get(row);
    if (mark === undefined) marks.set(row, (mark = `${entity.name}:${digest(entity, row)}`));
    return mark;
  }

  function search(id: string, from: number): Awaitable<string | undefined> {
    const entity = entities[from];
    if (entity === undefined) return undefined;
    return andThen(lookups.find(entity, "id", id), (row) =>
      row ? markOfRow(entity, row as Row) : search(id, from + 1),
    );
  }

  const markOf = (id: string | undefined) => (id !== undefined && isUuid(id) ? search(id.toLowerCase(), 0) : undefined);
  const entityOf = (mark: string) => entities.find(({ name }) => mark.startsWith(`${name}:`));

  return {
    markOf,
    markOfUsed(credential) {
      const mark = marks.get(credential as Row);
      if (mark !== undefined) return mark;
      const entity = entities.find(({ fields }) => Object.keys(fields).every((name) => name in credential));
      return entity ? markOfRow(entity, credential as Row) : markOf(credential.id);
    },
    isUnchanged({ credentialId, mark }) {
      const entity = mark === undefined ? undefined : entityOf(mark);
      if (!entity || credentialId === undefined) return true;
      const found = lookups.find(entity, "id", credentialId);
      return andThen(found, (row) => row !== undefined && markOfRow(entity, row as Row) === mark);
    },
    watch({ credentialId, mark }) {
      const entity = mark === undefined ? undefined : entityOf(mark);
      if (!entity || credentialId === undefined) return UNFOLLOWED;
      const credential = lookups.watch(entity, "id", credentialId);
      const row = credential?.row as Row | undefined;
      return row && markOfRow(entity, row) === mark ? credential : undefined;
    },
  };
}

const UNFOLLOWED: Remembered<unknown> = { row: {} };

/** Of what is secret or unique in a credential, and of whose it is. */
function digest({ fields }: Entity, row: Row): string {
  const values = Object.entries(fields)
    .filter(([, { encrypted, unique, type }]) => encrypted || unique || type === "foreign")
    .map(([name]) => row[name]);
  return hash("sha256", JSON.stringify(values), "base64url").slice(0, 11);
}
