import { readFileSync } from "node:fs";
import type { JsonValue, LegacyOptions } from "../../src/session/index.ts";

/** The parts of v2.json and v3.json that the tests read; their `readme` explains them. */
export interface LegacyVector {
  readonly release: 2 | 3;
  readonly id: string;
  readonly title: string;
  readonly config: LegacyConfig;
  readonly requests: readonly LegacyRequest[];
}

/** A configuration of lua-resty-session 2.26 or 3.10: what decides about reading, and what only matters for writing. */
export type LegacyConfig = Omit<LegacyOptions, "cookie"> & {
  readonly secret: string;
  readonly cookie?: NonNullable<LegacyOptions["cookie"]> & { readonly [setting: string]: unknown };
  readonly redis?: { readonly prefix?: string };
};

export interface LegacyRequest {
  readonly now: number;
  readonly note?: string;
  readonly config?: LegacyConfig;
  readonly request_headers: { readonly Cookie?: string; readonly "User-Agent"?: string };
  readonly steps: readonly { readonly op: string; readonly value?: JsonValue }[];
  readonly response: {
    readonly set_cookie: readonly string[];
    readonly results: readonly LegacyResult[];
    readonly session: { readonly data: JsonValue; readonly key: string };
  };
  readonly storage_after?: { readonly redis: readonly LegacyRecord[] };
  /** What the cookie of this response was made of. */
  readonly decoded?: Decoded;
}

export interface LegacyResult {
  readonly op: string;
  readonly present?: boolean;
  readonly err?: string;
  readonly ok?: boolean;
  readonly cookie_header?: string | undefined;
}

export interface LegacyRecord {
  readonly key: string;
  readonly ttl: number;
  readonly value_hex: string;
}

export interface Decoded {
  readonly id_hex: string;
  readonly expires: number;
  readonly usebefore?: number;
  /** Of long texts only the length is told. */
  readonly plaintext_json?: string;
  readonly plaintext_length?: number;
  readonly bound_key: string;
}

const read = (file: string, release: 2 | 3): LegacyVector[] =>
  JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")).vectors.map((vector: object) => ({
    release,
    ...vector,
  }));

export const vectors: readonly LegacyVector[] = [...read("v2.json", 2), ...read("v3.json", 3)];
