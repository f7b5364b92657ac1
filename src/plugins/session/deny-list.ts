import type { Services } from "../../gateway/index.ts";
import type { Config } from "./config.ts";
import { cookieNameOf, type Keeper, openKeeper } from "./keeper.ts";
import { type DenyList, revocationsOf } from "./revocations.ts";
import { RedisRevocations } from "./revocations-redis.ts";

/** The deny list of one configured row. */
export interface OpenedDenyList {
  readonly denyList: DenyList;
  /** Stop sharing it, where it is shared. */
  readonly close?: () => Promise<void>;
}

/**
 * The deny list of the gateway's database; with `revocation` and a Redis, be it that of the sessions or, where the cookies or another
 * storage keep them, one that is named for this alone, it is shared there.
 */
export function openDenyList(config: Config, services: Services, keeper: Keeper | undefined): OpenedDenyList {
  const database = revocationsOf(services.lookups);
  if (!config.revocation) return { denyList: database };
  const own =
    config.redis != null && config.storage !== "redis"
      ? openKeeper({ ...config, storage: "redis" }, services)
      : undefined;
  const shared = own ?? keeper;
  const { redis } = shared ?? {};
  if (!shared || !redis) return { denyList: database };
  const parts = { database, keeper: { ...shared, redis }, name: cookieNameOf(config), log: services.log };
  const denyList = new RedisRevocations(parts);
  return {
    denyList,
    async close() {
      denyList.close();
      await own?.close?.();
    },
  };
}
