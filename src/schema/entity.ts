import type { Awaitable } from "./awaitable.ts";
import type { ErrorTree } from "./errors.ts";
import type { Check, Fields, Infer, Shorthands } from "./field.ts";

/** What one value of the subschema key adds to the entity: fields that replace those of the same name, and checks. */
export interface Subschema {
  readonly fields: Fields;
  readonly checks?: readonly Check[];
}

/** A named schema with a key: what the Admin API, the database, the forms and the reference are made from. */
export interface Entity {
  /** The table and the name in messages, such as `keyauth_credentials`. */
  readonly name: string;
  readonly description: string;
  readonly primary_key: readonly ["id"];
  /** The unique field that may stand for the id in a URL. */
  readonly endpoint_key?: string;
  /** Collection in the Admin API when it is not `name`, such as `key-auths`. */
  readonly admin_api_name?: string;
  /** Name below its parent when it is not the collection's, such as `key-auth`. */
  readonly admin_api_nested_name?: string;
  readonly fields: Fields;
  readonly shorthand_fields?: Shorthands;
  readonly entity_checks?: readonly Check[];
  /** Tuples of fields that are unique together; null counts as a value. */
  readonly unique?: readonly (readonly string[])[];
  /** Kept for the gateway itself: the Admin API has no routes for it. */
  readonly internal?: true;
  /** Rows are made by requests: no part of a declarative configuration, as none of an internal entity is. */
  readonly db_export?: false;
  /** Consumers are recognised by its rows. */
  readonly credential?: true;
  /**
   * Nobody knows a row before it is there, as nothing in its keys can be guessed: that one was created is told to nobody, and
   * that one is absent is not remembered.
   */
  readonly unannounced?: true;
  /** Rows may expire: the transient member `ttl` in seconds is accepted and shown. */
  readonly ttl?: true;
  /** Rows refine their schema by the value of `key` (the first element, if that is a list). */
  readonly subschemas?: {
    readonly key: string;
    readonly of: ReadonlyMap<string, Subschema>;
    /** The message about a value that has no subschema. */
    readonly unknown: (value: string) => string;
  };
  readonly transforms?: readonly Transform[];
  readonly guard?: Guard;
  /** Says why a row may not be deleted though no foreign field refers to it. */
  readonly deleteGuard?: (row: Row, read: Reader) => Awaitable<string | undefined>;
}

/**
 * A change of valid input before it is stored. It is given the values of `input`, then of `needs` (names may have dots),
 * and answers the members that replace those of the row. It runs when all of `input` came with the write; when `needs`
 * change without them, the write is refused (`all or none of these fields must be set`).
 */
export interface Transform {
  readonly input: readonly string[];
  readonly needs?: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: values of the fields that `input` and `needs` name
  readonly onWrite: (...values: any[]) => { readonly [name: string]: unknown };
}

/** What a guard may read: rows as stored, within the transaction of the write. */
export interface Reader {
  select(entity: string, id: string): Awaitable<Row | undefined>;
  /** Rows of `entity` whose foreign field `field` refers to `id`. */
  referring(entity: string, field: string, id: string): Awaitable<readonly Row[]>;
  all(entity: string): Awaitable<readonly Row[]>;
}

/**
 * A rule that needs other rows. It is given the row to be stored, what the client sent, and the stored row (undefined
 * for a new one), and answers errors by field.
 */
export type Guard = (
  row: Row,
  input: { readonly [name: string]: unknown },
  stored: Row | undefined,
  read: Reader,
) => Awaitable<ErrorTree | undefined>;

/** A stored row of any entity. */
export interface Row {
  readonly id: string;
  readonly [name: string]: unknown;
}

/** A stored row of the entity; `ttl` are the remaining seconds, null when it never expires. */
export type RowOf<E extends Entity> = Infer<E["fields"]> &
  (E extends { readonly ttl: true } ? { readonly ttl: number | null } : unknown);

/** A plugin as far as rows are concerned: its settings, their checks and where it may be attached. */
export interface PluginSchema {
  readonly name: string;
  readonly config: Fields;
  readonly shorthand_fields?: Shorthands;
  /** Rules about the row; members of the settings are named `config.x`. */
  readonly checks?: readonly Check[];
  /** A rule about the settings as a whole; its message stands at `config`. */
  // biome-ignore lint/suspicious/noExplicitAny: settings as `config` declares them
  readonly check?: (config: any) => string | undefined;
  /** It cannot be attached to a consumer, as it runs before there is one. */
  readonly noConsumer?: boolean;
  /** The protocols it accepts; absent: those of HTTP and gRPC. */
  readonly protocols?: readonly string[];
}
