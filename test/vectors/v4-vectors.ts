import { readFileSync } from "node:fs";
import type { JsonValue, SessionOptions } from "../../src/session/index.ts";
import type { DumpedFile } from "./stand-ins/file.ts";
import type { MemcachedKey } from "./stand-ins/memcached.ts";
import type { RedisKey } from "./stand-ins/redis.ts";
import type { ShmKey } from "./stand-ins/shm.ts";

/** The parts of v4.json that the tests read; its `readme` explains them. */
export interface Vector {
  readonly id: string;
  readonly title: string;
  readonly config: VectorConfig;
  readonly requests: readonly VectorRequest[];
}

export type VectorConfig = Omit<SessionOptions, "ikm" | "ikm_fallbacks"> & {
  readonly ikm_hex?: string;
  readonly ikm_fallbacks_hex?: readonly string[];
  readonly storage?: string;
  readonly redis?: { readonly prefix?: string; readonly suffix?: string };
  readonly file?: { readonly prefix?: string; readonly suffix?: string };
  readonly memcached?: { readonly prefix?: string; readonly suffix?: string };
};

export interface VectorRequest {
  readonly now: number;
  readonly note?: string;
  readonly config?: VectorConfig;
  readonly random_session_ids_hex?: readonly string[];
  readonly request_headers: { readonly Cookie?: string; readonly "User-Agent"?: string };
  readonly steps: readonly Step[];
  readonly response: {
    readonly set_cookie: readonly string[];
    readonly results: readonly StepResult[];
    readonly session?: RecordedSession;
  };
  readonly storage_after?: Dump;
  /** The text that was sealed in each cookie, where it is short. */
  readonly decoded?: { readonly [cookie: string]: { readonly plaintext_json?: string } };
}

export interface Step {
  readonly op: string;
  readonly key?: string;
  readonly value?: JsonValue;
  readonly args?: readonly (string | readonly string[])[];
  readonly audience?: string;
  readonly subject?: string;
}

export interface StepResult {
  readonly op: string;
  readonly state?: string | undefined;
  readonly ok?: boolean;
  readonly err?: string;
  readonly thrown?: string;
  readonly exists?: boolean;
  readonly refreshed?: boolean;
  readonly logged_out?: boolean;
  readonly destroyed?: boolean;
  readonly value?: unknown;
  readonly request_headers?: Record<string, string>;
  readonly response_headers?: Record<string, string>;
  readonly cookie_header?: string | undefined;
}

export interface RecordedSession {
  readonly state: string;
  readonly data?: readonly (readonly JsonValue[])[];
  readonly data_index: number;
  readonly info?: { readonly [audience: string]: { readonly [key: string]: JsonValue } };
  readonly meta?: {
    readonly header_hex?: string;
    readonly sid_hex: string;
    readonly timestamp: number;
    readonly creation_time: number;
    readonly flags: number;
    readonly data_size: number;
    readonly idling_offset: number;
    readonly rolling_offset: number;
  };
}

export interface Dump {
  readonly redis?: readonly RedisKey[];
  readonly files?: readonly DumpedFile[];
  readonly shm?: readonly ShmKey[];
  readonly memcached?: readonly MemcachedKey[];
}

export const vectors: readonly Vector[] = JSON.parse(readFileSync(new URL("v4.json", import.meta.url), "utf8")).vectors;
