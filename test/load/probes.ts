import { setTimeout as sleep } from "node:timers/promises";
import { nowMs } from "./model.ts";
import { end, type Kind, kinds } from "./operators.ts";
import { pick, type Random } from "./random.ts";
import type { World } from "./world.ts";

const every: readonly (Kind | "logout")[] = ["logout", ...kinds];

/** Give up on a session that does not end. */
const MOST_MS = 2000;

/** By the way in which sessions were ended, for each node the milliseconds after the answer for which it knew them. */
export type Delays = Map<string, number[]>;

/**
 * Measure, until it is over, how long an end takes to be effective: a session that every node remembers is ended at one of them,
 * and all are asked for it as fast as they answer.
 */
export async function probe(world: World, random: Random, delays: Delays, isOver: () => boolean): Promise<void> {
  const { gateways } = world;
  for (let turn = Math.floor(random() * every.length); !isOver(); turn++) {
    const kind = every[turn % every.length]!;
    const account = await world.createAccount(random);
    const cookie = await world.login(pick(random, gateways), account);
    if (!cookie) continue;
    for (const gateway of gateways) for (let i = 0; i < 3; i++) await world.use(gateway, cookie, "probe");
    // Logins of this second are none before it.
    if (kind === "POST /sessions/revoke") await sleep(Math.max(0, (cookie.login.at + 1) * 1000 + 20 - nowMs()));
    if (kind === "logout") await world.logout(pick(random, gateways), cookie, "logout");
    else await end(world, random, kind, account, cookie);
    const own = world.model.endsOf(cookie).find((one) => one.kind === kind)?.answeredMs;
    if (own === undefined || own === Infinity) continue;
    const found = await Promise.all(
      gateways.map(async (gateway) => {
        for (let lastMs = own; ; ) {
          const { isKnown, sentMs } = await world.use(gateway, cookie, "probe");
          if (!isKnown || sentMs - own > MOST_MS) return lastMs - own;
          lastMs = sentMs;
        }
      }),
    );
    const known = delays.get(kind) ?? [];
    delays.set(kind, [...known, ...found]);
  }
}
