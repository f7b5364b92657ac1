import type { SessionIndex } from "../storage.ts";

/** What an operator puts around the names of a store. An empty text counts as a part, an absent one does not. */
export interface NameAffixes {
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
}

/** The name of a record in stores with one flat name space: `prefix:name:key:suffix` (SPEC-session-v4 §9). */
export const recordName = ({ prefix, suffix }: NameAffixes, name: string, key: string): string =>
  joined([prefix, name, key, suffix]);

/** The name of the note of a record's successor. */
export const successorName = (affixes: NameAffixes, name: string, key: string): string =>
  `${recordName(affixes, name, key)}:successor`;

/** The name of an index: `prefix:name:audience:subject:suffix`. */
export const indexName = ({ prefix, suffix }: NameAffixes, name: string, { audience, subject }: SessionIndex): string =>
  joined([prefix, name, audience, subject, suffix]);

const joined = (parts: (string | undefined)[]): string => parts.filter((part) => part !== undefined).join(":");
