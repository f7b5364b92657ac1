import { setTimeout as sleep } from "node:timers/promises";
import type { Cookie } from "./model.ts";
import { pick, type Random } from "./random.ts";
import type { Account, World } from "./world.ts";

/** What one visitor does until it is over: mostly ask, sometimes what visitors do rarely and attackers often. */
export async function visit(
  world: World,
  random: Random,
  accountOf: () => Account,
  isOver: () => boolean,
): Promise<void> {
  const { gateways } = world;
  let cookie: Cookie | undefined;
  while (!isOver()) {
    if (cookie === undefined) {
      cookie = await world.login(pick(random, gateways), accountOf());
      continue;
    }
    const chance = random();
    if (chance < 0.9) cookie = await ask(world, random, cookie, chance < 0.03 ? 6 : 1);
    else if (chance < 0.97) await replay(world, random);
    else if (chance < 0.975) await world.forge(pick(random, gateways), random, cookie);
    else if (chance < 0.98) cookie = await leave(world, random, cookie);
    else if (chance < 0.999) await sleep(random() * 400);
    // Away for longer than they may.
    else for (let i = 0; i < 12 && !isOver(); i++) await sleep(500);
  }
}

/** One request, or several at once; the browser keeps the cookie that was set last. */
async function ask(world: World, random: Random, cookie: Cookie, times: number): Promise<Cookie | undefined> {
  const uses = Array.from({ length: times }, () => world.use(pick(random, world.gateways), cookie));
  const answers = await Promise.all(uses);
  const last = answers.findLast((answer) => answer.cookie !== cookie) ?? answers.at(-1)!;
  return last.isKnown ? last.cookie : undefined;
}

/** Somebody's cookie of some time ago, be it renewed, ended or alive. */
async function replay(world: World, random: Random): Promise<void> {
  const copy = pick(random, world.copies);
  await world.use(pick(random, world.gateways), copy, "replay");
}

/** Log out, sometimes with requests on their way, and try the cookie once more. */
async function leave(world: World, random: Random, cookie: Cookie): Promise<undefined> {
  const logout = world.logout(pick(random, world.gateways), cookie);
  if (random() < 0.5) await ask(world, random, cookie, 3);
  await logout;
  await world.use(pick(random, world.gateways), cookie, "use after the logout");
}
