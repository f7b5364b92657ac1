import type { IncomingMessage } from "node:http";
import type { Stores } from "../entities/index.ts";
import type { Log, Metrics } from "../gateway/index.ts";
import type { Awaitable, ErrorTree } from "../schema/index.ts";

/** What the Admin API and the Status API are made from; `cli` hands it over. */
export interface AdminParts {
  readonly stores: Stores;
  /** Where there is no database: what all entities come from. */
  readonly declarative?: Declarative | undefined;
  readonly plugins: readonly InstalledPlugin[];
  /** Of Sesame, as in package.json. */
  readonly version: string;
  readonly node: NodeFacts;
  /** The settings by name, shown by `GET /`; secrets are masked already. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Origins of these addresses may use the API from a web page. */
  readonly admin_gui_url: readonly string[];
  /** Whether answers mask what is encrypted or referenceable. */
  readonly admin_redact_secrets: boolean;
  /** Bytes that the body of a write may have; 0 for no limit. */
  readonly admin_client_max_body_size: number;
  readonly log: Log;
  /** Where the API counts what it has done itself. */
  readonly metrics: Metrics;
  readonly logLevel: LogLevel;
  readonly statistics: () => Awaitable<Statistics>;
  /** Hears of every request to the Admin API when it has been answered; for its access log. */
  readonly onAnswer?: AnswerListener | undefined;
}

/** `bytes` are those of the answer's body; `status` is 499 when the client did not wait for it, as in nginx's logs. */
export type AnswerListener = (answered: {
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly status: number;
  readonly bytes: number;
}) => void;

/** The declarative configuration that is in effect, and how it is replaced. A configuration is a text or, sent as JSON, an object. */
export interface Declarative {
  /** 32 hexadecimal digits; zeros when there is none. */
  hash(): string;
  /** What `hash` would be. */
  hashOf(config: unknown): string;
  /** Whether one is being replaced. */
  isLoading(): boolean;
  /** Replace it as a whole; in effect in every process when this is done. Answers what is wrong, and then nothing has changed. */
  load(config: unknown): Promise<DeclarativeFaults | undefined>;
}

export interface DeclarativeFaults {
  /** All faults in the form of the configuration. */
  readonly fields: ErrorTree;
  /** Those of rows, one by one, and those of no row. */
  readonly flattened: readonly object[];
  readonly rest: ErrorTree;
}

export interface InstalledPlugin {
  readonly name: string;
  readonly priority: number;
  /** Of the plugin; Kong's when absent, as of every plugin that Kong bundles. */
  readonly version?: string;
}

export interface NodeFacts {
  readonly id: string;
  readonly hostname: string;
  /** The processes as they are now: the one that owns the API, and those that proxy. */
  readonly pids: () => { readonly master: number; readonly workers: readonly number[] };
}

/** The level of the log while the process runs. */
export interface LogLevel {
  current(): string;
  /** Log from this level on, in every process, and return to the setting's after so many seconds. */
  change(level: string, seconds: number): Awaitable<void>;
}

export interface Statistics {
  /** Connections to the proxy and requests there, with Kong's names. */
  readonly server: {
    readonly connections_active: number;
    readonly connections_reading: number;
    readonly connections_writing: number;
    readonly connections_waiting: number;
    readonly connections_accepted: number;
    readonly connections_handled: number;
    readonly total_requests: number;
  };
  /** Heap in use, in bytes, of each process that proxies. */
  readonly workers: readonly { readonly pid: number; readonly heap: number }[];
}

/** The version of Kong whose API this is. */
export const KONG_VERSION = "3.9.3";
