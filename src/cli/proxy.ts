import type { SecureContextOptions } from "node:tls";
import type { Stores } from "../entities/index.ts";
import {
  badRequest,
  createGateway,
  createLookups,
  createNodeEngine,
  type Engine,
  type Exchange,
  type Gateway,
  type Plugin,
} from "../gateway/index.ts";
import type { AccessLog, Logger } from "../log.ts";

import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";
import { feedGateway } from "./feed.ts";
import { engineLimits, gatewaySettings } from "./gateway-settings.ts";
import { listenFault } from "./process.ts";

export interface ProxyParts {
  readonly settings: Settings;
  readonly stores: Stores;
  readonly plugins: readonly Plugin[];
  readonly log: Logger;
  readonly accessLog: AccessLog | undefined;
  readonly tls: SecureContextOptions;
  readonly node: { readonly id: string; readonly hostname: string };
  /** `sesame/x.y.z`. */
  readonly product: string;
}

/** The part of a process that proxies: gateway, engine and what keeps them current. */
export interface Proxy {
  readonly gateway: Gateway;
  readonly engine: Engine;
  /** The ports, in the order of `proxy_listen`. */
  readonly ports: readonly number[];
  /** Stop accepting, finish what is under way within the time, close what was opened. */
  close(graceMs: number): Promise<void>;
}

/** Compile the configuration and open the proxy's listeners. Throws CommandError when a listener cannot be had. */
export async function openProxy(parts: ProxyParts): Promise<Proxy> {
  const { settings, stores, log, accessLog } = parts;
  const own = gatewaySettings(settings, parts.product);
  const gateway = createGateway({ settings: own, log, onEnd: (exchange) => accessLog?.log(entryOf(exchange)) });
  const lookups = createLookups(stores);
  const services = { lookups, log, node: parts.node };
  const stop = await feedGateway(gateway, stores, { plugins: parts.plugins, services, settings: own }, log);
  const engine = createNodeEngine({
    handle: (inbound) => gateway.handle(inbound),
    badRequest: (status) => badRequest(status, own),
    tls: parts.tls,
    limits: engineLimits(settings),
  });
  const ports: number[] = [];
  for (const { ip, port, ssl, http2, listener } of settings.proxy_listen) {
    try {
      ports.push(await engine.listen({ host: ip, port, tls: ssl, http2 }));
    } catch (error) {
      await engine.close(0);
      throw new CommandError(`proxy_listen: ${listenFault(error, listener)}`, { cause: error });
    }
  }
  return {
    gateway,
    engine,
    ports,
    async close(graceMs) {
      stop();
      await engine.close(graceMs);
      await gateway.close();
      lookups.close();
    },
  };
}

function entryOf({ ctx, bytesSent, inbound }: Exchange) {
  const { request, response } = ctx;
  return {
    address: request.forwarded.clientAddress,
    time: Date.now(),
    method: request.method,
    target: inbound.target,
    httpVersion: inbound.httpVersion,
    status: response.status,
    bytes: bytesSent,
    referer: request.headers.get("referer"),
    userAgent: request.headers.get("user-agent"),
    requestId: request.id,
  };
}
