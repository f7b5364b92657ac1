import type { SecureContextOptions } from "node:tls";
import type { Change, Instant, Write } from "../entities/index.ts";
import type { MetricsSnapshot } from "../gateway/index.ts";
import type { Row } from "../schema/index.ts";
import type { Settings } from "../settings.ts";

/** What a worker is started with. */
export interface WorkerStart {
  /** With absolute paths. */
  readonly settings: Settings;
  /** Path of the database, which workers only read. */
  readonly database: string;
  readonly tls: SecureContextOptions;
  readonly node: { readonly id: string; readonly hostname: string };
  readonly product: string;
}

/** What the primary may call in a worker. */
export type WorkerMethods = {
  /** Compile the configuration, without serving yet. */
  prepare(start: WorkerStart): Promise<void>;
  /** Serve; answers the ports. */
  listen(): Promise<readonly number[]>;
  /** Rows have changed: answered when requests meet the new state. */
  changed(changes: readonly Change[]): Promise<void>;
  /** Changes may have been missed: answered when everything was read again. */
  reset(): Promise<void>;
  /** All changes of all nodes that were committed before this moment have been told. */
  renewed(at: Instant): void;
  setLogLevel(level: Settings["log_level"]): void;
  /** Undefined until it serves. */
  statistics(): WorkerStatistics | undefined;
};

/** What a worker may call in the primary, which alone writes. */
export type PrimaryMethods = {
  write(write: Write): Promise<Row | boolean>;
};

export interface WorkerStatistics {
  readonly pid: number;
  /** Bytes of heap in use. */
  readonly heap: number;
  /** Of clients: open now; accepted since the start, and those of them that were closed at once, being too many. */
  readonly connections: number;
  readonly accepted: number;
  readonly refused: number;
  /** Requests since the start, and those under way. */
  readonly requests: number;
  readonly active: number;
  readonly metrics: MetricsSnapshot;
}
