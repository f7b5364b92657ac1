import type { Awaitable, Entity, Fields, Infer, PluginSchema } from "../schema/index.ts";
import type { Context } from "./context.ts";
import type { Lookups } from "./lookups.ts";
import type { MetricDefinition, Metrics } from "./metrics.ts";
import type { Exit } from "./response.ts";

export type { Awaitable, Entity, Fields, Infer, PluginSchema } from "../schema/index.ts";
export type { Exit } from "./response.ts";

/** Structured logging as plugins and gateway use it; levels as in nginx. Values are masked by the implementation. */
export interface Log {
  debug(message: string, facts?: Facts): void;
  info(message: string, facts?: Facts): void;
  notice(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
  readonly isDebug: boolean;
}
export type Facts = Readonly<Record<string, unknown>>;

/** What a plugin may use besides its configuration; handed over once per configured row. */
export interface Services {
  /** Credentials, consumers and other rows, answered from memory where possible. */
  readonly lookups: Lookups;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Bytes of cookies of ours, names included, that a client can bring back under the limits on heads. */
  readonly maxCookieSize: number;
  /** PEM of the authorities that servers are verified by; undefined for those Node trusts. */
  readonly authorities?: string | undefined;
  /** Facts of this node, as request-termination's `echo` shows them. */
  readonly node: { readonly id: string; readonly hostname: string };
}

/**
 * What a plugin does with a request, phase by phase. A handler answers a value, and a promise only where it waits.
 *
 * - `access`: before the upstream is asked. An `Exit` ends the phase and is the answer.
 * - `admit`: every plugin's `access` let the request pass, and who sends it is known as well as it will be. An `Exit` is the
 *   answer.
 * - `headerFilter`: the head of the answer (`ctx.response`) is known and not yet sent; it waits for this phase. An `Exit` replaces
 *   the answer. Runs for produced answers too, also for plugins whose `access` was skipped by an earlier `Exit`.
 * - `log`: after the answer was sent.
 */
export interface Handlers {
  access?(ctx: Context): Awaitable<Exit | undefined>;
  admit?(ctx: Context): Awaitable<Exit | undefined>;
  headerFilter?(ctx: Context): Awaitable<Exit | undefined>;
  log?(ctx: Context): void;
  /** The configured row was changed or deleted: release what `create` acquired. */
  close?(): void;
}

/** A configured row, as `create` sees it. */
export interface PluginRow {
  readonly id: string;
  readonly service: { readonly id: string } | null;
  readonly route: { readonly id: string } | null;
  readonly consumer: { readonly id: string } | null;
}

/**
 * A plugin: its definition is data, `create` runs once per configured row and closes over the parsed configuration.
 * `priority` is Kong's number; higher runs first. Source: SPEC-proxy §8, §9.
 */
export interface Plugin<F extends Fields = Fields> extends PluginSchema {
  readonly priority: number;
  readonly config: F;
  /** Entities of its own, such as credentials. */
  readonly entities?: readonly Entity[];
  /** The metrics it keeps, by name. */
  readonly metrics?: Readonly<Record<string, MetricDefinition>>;
  create(config: Infer<F>, services: Services, row: PluginRow): Handlers;
}

/** Types a plugin's definition; the plugin itself is returned unchanged. */
export function definePlugin<const F extends Fields>(plugin: Plugin<F>): Plugin<F> {
  return plugin;
}
