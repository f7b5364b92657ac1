import type { Services } from "../../gateway/index.ts";
import type { Config } from "./config.ts";
import { cookieNameOf, type Keeper, openKeeper } from "./keeper.ts";
import { type LogKind, openLog } from "./revocation-logs/open.ts";
import { type DenyList, revocationsOf } from "./revocations.ts";
import { PolledList } from "./revocations-polled.ts";
import { RedisList } from "./revocations-redis.ts";
import { type SharedList, SharedRevocations } from "./revocations-shared.ts";

/** The deny list of one configured row. */
export interface OpenedDenyList {
  readonly denyList: DenyList;
  /** Stop sharing it, where it is shared. */
  readonly close?: () => Promise<void>;
}

/**
 * The deny list of the gateway's database; with `revocation` it is shared with gateways that have others, by a storage that they can
 * all reach, be it that of the sessions or one that is named for this alone.
 */
export function openDenyList(config: Config, services: Services, keeper: Keeper | undefined): OpenedDenyList {
  const database = revocationsOf(services.lookups);
  const where = config.revocation ? whereShared(config) : undefined;
  if (where === undefined) return { denyList: database };

  function share(list: SharedList, close?: () => Promise<void>): OpenedDenyList {
    const denyList = new SharedRevocations({ database, list, where: where!, log: services.log });
    return {
      denyList,
      async close() {
        denyList.close();
        await close?.();
      },
    };
  }

  const { denied } = database;
  if (where === "redis") {
    const own = config.storage === "redis" ? undefined : openKeeper({ ...config, storage: "redis" }, services);
    const shared = own ?? keeper;
    // A replica tells nothing in time.
    if (!shared?.redis) return { denyList: database, ...(own?.close && { close: own.close }) };
    const list = new RedisList({ denied, keeper: { ...shared, redis: shared.redis }, name: cookieNameOf(config) });
    return share(list, own?.close);
  }
  const { log: logger, metrics } = services;
  return share(new PolledList({ ...openLog(where, config, services), denied, where, logger, metrics }));
}

/** The storage by which it is shared; undefined when it is the database's alone. */
function whereShared({ revocation_storage, redis, storage }: Config): LogKind | "redis" | undefined {
  if (revocation_storage != null) return revocation_storage === "kong" ? undefined : revocation_storage;
  if (redis != null) return "redis";
  return storage === "cookie" || storage === "kong" || storage === "memory" || storage == null ? undefined : storage;
}
