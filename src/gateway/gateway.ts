import { createPool, type Pool, turnMs } from "../http1/index.ts";
import { type AnswerFields, answerFields } from "./answer.ts";
import type { ContextParts } from "./context.ts";
import { Exchange } from "./exchange.ts";
import { createTrustedPeers } from "./forwarded.ts";
import type { Inbound } from "./inbound.ts";
import type { Log } from "./plugin.ts";
import { createResolver, type NameResolver } from "./resolver.ts";
import type { GatewaySettings } from "./settings.ts";
import { closeReplaced, type Snapshot } from "./snapshot.ts";

/** What every exchange needs; made once. */
export interface GatewayParts extends ContextParts {
  readonly settings: GatewaySettings;
  readonly fields: AnswerFields;
  readonly pool: Pool;
  readonly resolver: NameResolver;
  readonly log: Log;
  /** An exchange has ended: for the access log and the counters. */
  onEnd(exchange: Exchange): void;
}

export interface Gateway {
  /** Serve from this snapshot from now on; requests under way finish with theirs. */
  use(snapshot: Snapshot): void;
  /** Serve one request; engines call this. */
  handle(inbound: Inbound): void;
  readonly statistics: { readonly requests: number; readonly active: number };
  /** Close all upstream connections and plugins; for when the engine has closed and nobody waits for an answer any more. */
  close(): void;
}

export interface GatewayOptions {
  readonly settings: GatewaySettings;
  readonly log: Log;
  readonly onEnd?: (exchange: Exchange) => void;
  /** Milliseconds since the epoch; the system's clock, as of this turn of the event loop, when absent. */
  readonly clock?: () => number;
}

/** A gateway that answers 404 until it is given a snapshot. */
export function createGateway(options: GatewayOptions): Gateway {
  const { settings, log, onEnd, clock = turnMs } = options;
  let snapshot: Snapshot | undefined;
  let requests = 0;
  let active = 0;
  const parts: GatewayParts = {
    settings,
    log,
    clock,
    fields: answerFields(settings),
    trusted: createTrustedPeers(settings),
    bodyBufferSize: settings.client_body_buffer_size,
    pool: createPool(settings.pool),
    resolver: createResolver(settings.dns),
    onEnd(exchange) {
      active--;
      onEnd?.(exchange);
    },
  };
  return {
    use(next) {
      const before = snapshot;
      snapshot = next;
      if (before) closeReplaced(before, next);
    },
    handle(inbound) {
      requests++;
      active++;
      const exchange = new Exchange(inbound, parts);
      if (snapshot) exchange.start(snapshot);
      else exchange.answer(exchange.ctx.response.error(503, "the gateway is starting"));
    },
    get statistics() {
      return { requests, active };
    },
    close() {
      parts.pool.destroy();
      if (snapshot) closeReplaced(snapshot, undefined);
    },
  };
}
