/**
 * A Kong-style pattern: `pattern` is the text that clients see in `/schemas`, `regexp` our own check of the same words,
 * `err` the message when it fails (absent: the generic one).
 */
export interface Pattern {
  readonly pattern: string;
  readonly regexp: RegExp;
  readonly err?: string;
}

interface Common {
  /** For `/schemas`, forms and the reference; markdown, one or two sentences. Members of an entity or a record need one. */
  readonly description?: string;
  /** Null is refused. A record that is required is filled with the defaults of its members. */
  readonly required?: boolean;
  /** Value when the member is absent. */
  readonly default?: unknown;
  /** Unique among all rows of the entity. */
  readonly unique?: boolean;
  /** Filled by the server when absent: a UUID, a time, or 32 random letters and digits. */
  readonly auto?: boolean;
  /** Null: the field cannot be set (`value must be null`). */
  readonly eq?: null;
  /** A value that is refused. */
  readonly ne?: unknown;
  /** Replaces the message of any fault of the value. */
  readonly err?: string;
  /** May hold a `{vault://…}` reference instead of its value. */
  readonly referenceable?: boolean;
  /** A secret: redacted where secrets are hidden, never in logs. `unpublished`: Kong's schema does not say so. */
  readonly encrypted?: boolean | "unpublished";
  /** Newer than Kong 3.9: accepted, kept out of answers, defaults and `/schemas` unless it was set. */
  readonly newer?: boolean;
  /** An index on the column, without uniqueness. */
  readonly indexed?: boolean;
  readonly unit?: "ms";
  /** Our own check of one valid value; answers the message of the first fault. */
  // biome-ignore lint/suspicious/noExplicitAny: the value has the type that the field declares
  readonly check?: (value: any) => string | undefined;
}

export interface StringField extends Common {
  readonly type: "string";
  readonly one_of?: readonly string[];
  /** More values for `one_of`, newer than Kong 3.9: accepted, and kept out of `/schemas`. */
  readonly newer_one_of?: readonly string[];
  readonly not_one_of?: readonly string[];
  readonly uuid?: boolean;
  /** Shortest length in bytes; 1 when absent, so the empty string is refused. */
  readonly len_min?: number;
  readonly len_max?: number;
  readonly starts_with?: string;
  readonly match?: Pattern;
  readonly match_none?: readonly Pattern[];
  readonly match_all?: readonly Pattern[];
  readonly match_any?: { readonly patterns: readonly Pattern[]; readonly err: string };
}

export interface NumberField extends Common {
  readonly type: "number" | "integer";
  readonly one_of?: readonly number[];
  readonly between?: readonly [number, number];
  readonly gt?: number;
  /** Unix time in seconds. `updated` is set anew by every write. */
  readonly timestamp?: boolean;
  readonly updated?: boolean;
}

export interface BooleanField extends Common {
  readonly type: "boolean";
}

export interface ListField extends Common {
  readonly type: "array" | "set";
  readonly elements: Field;
  readonly len_min?: number;
  /** All elements must be of one of these groups. */
  readonly mutually_exclusive_subsets?: readonly (readonly string[])[];
}

export interface MapField extends Common {
  readonly type: "map";
  readonly keys: Field;
  readonly values: Field;
  readonly len_min?: number;
}

export interface RecordField extends Common {
  readonly type: "record";
  /** Absent in an abstract field, whose members come from a subschema. */
  readonly fields?: Fields;
  readonly abstract?: boolean;
  readonly shorthand_fields?: Shorthands;
  readonly entity_checks?: readonly Check[];
}

export interface ForeignField extends Common {
  readonly type: "foreign";
  /** Name of the entity that is referred to. */
  readonly reference: string;
  /** What happens here when the row there is deleted; absent: its deletion is refused. */
  readonly on_delete?: "cascade";
}

/** One field as data. The members are those of Kong's schema descriptors; what is ours is described at its member. */
export type Field = StringField | NumberField | BooleanField | ListField | MapField | RecordField | ForeignField;

/** Fields by name, in the order in which clients see them. */
export interface Fields {
  readonly [name: string]: Field & { readonly description: string };
}

/**
 * An input-only member. `expand` is given its value (inferred and of the declared type, or null), and what else the row was
 * given; it answers the members that replace it, and those win over members given under their own names. `check` says what
 * is wrong with a value beside the others.
 */
export type Shorthand = (
  | { readonly type: "string" | "number" | "boolean" }
  | { readonly type: "array"; readonly elements: Field }
) & {
  readonly description: string;
  // biome-ignore lint/suspicious/noExplicitAny: the value has the type that the shorthand declares
  readonly expand: (value: any, given: Given) => Given;
  // biome-ignore lint/suspicious/noExplicitAny: likewise
  readonly check?: (value: any, given: Given) => string | undefined;
};

interface Given {
  readonly [name: string]: unknown;
}

export interface Shorthands {
  readonly [name: string]: Shorthand;
}

/** A condition on one value, as in the `if_match` and `then_match` of Kong's conditional checks. */
export interface Match {
  readonly eq?: null;
  readonly one_of?: readonly unknown[];
  readonly not_one_of?: readonly unknown[];
  readonly required?: boolean;
  readonly len_eq?: number;
  /** The list has this element. */
  readonly contains?: unknown;
  readonly match?: Pattern;
  /** Every element must meet this. */
  readonly elements?: { readonly type: "string" } & Match;
}

/** What a custom check found: a text for the row as a whole (`@entity`), or a tree of texts by field. */
export type CheckError = string | { readonly [field: string]: unknown };

/** A rule about several members of a row (or of a record); names may have dots. */
export type Check =
  | { readonly at_least_one_of: readonly string[] }
  | { readonly only_one_of: readonly string[] }
  | { readonly mutually_exclusive: readonly string[] }
  | { readonly mutually_required: readonly string[] }
  | { readonly distinct: readonly string[] }
  | {
      readonly conditional: {
        readonly if_field: string;
        readonly if_match: Match;
        readonly then_field: string;
        readonly then_match: Match;
        readonly then_err?: string;
      };
    }
  | {
      readonly conditional_at_least_one_of: {
        readonly if_field: string;
        readonly if_match: Match;
        readonly then_at_least_one_of: readonly string[];
        /** `%s` stands for the list of names. */
        readonly then_err?: string;
        readonly else_match?: Match;
        readonly else_then_at_least_one_of?: readonly string[];
        readonly else_then_err?: string;
      };
    }
  | {
      readonly custom_entity_check: {
        readonly field_sources: readonly string[];
        /** Also when some of `field_sources` are absent or failed. */
        readonly run_with_missing_fields?: boolean;
        // biome-ignore lint/suspicious/noExplicitAny: a row of the entity the check belongs to
        readonly fn: (row: any) => CheckError | undefined;
      };
    };

type Choice<F, T> = F extends { readonly one_of: readonly (infer V)[] } ? Extract<V | NewerChoice<F>, T> : T;
type NewerChoice<F> = F extends { readonly newer_one_of: readonly (infer V)[] } ? V : never;

type Value<F> = F extends { readonly type: "string" }
  ? Choice<F, string>
  : F extends { readonly type: "number" | "integer" }
    ? Choice<F, number>
    : F extends { readonly type: "boolean" }
      ? boolean
      : F extends { readonly type: "array" | "set"; readonly elements: infer E }
        ? readonly Value<E>[]
        : F extends { readonly type: "map"; readonly values: infer V }
          ? { readonly [key: string]: Value<V> }
          : F extends { readonly type: "foreign" }
            ? { readonly id: string }
            : F extends { readonly type: "record"; readonly fields: infer R extends Fields }
              ? Infer<R>
              : F extends { readonly type: "record" }
                ? { readonly [name: string]: unknown }
                : unknown;

type Filled = { readonly required: true } | { readonly auto: true };
type Newer<F extends Fields> = { [K in keyof F]: F[K] extends { readonly newer: true } ? K : never }[keyof F];

/**
 * The type of a stored row, or of a record in one. A member is null when unset unless it is required or made by the
 * server; a default does not prevent null, as a client may send null. Settings newer than Kong 3.9 are absent when unset.
 */
export type Infer<F extends Fields> = {
  readonly [K in Exclude<keyof F, Newer<F>>]: F[K] extends Filled ? Value<F[K]> : Value<F[K]> | null;
} & { readonly [K in Newer<F>]?: Value<F[K]> | null };
