import { setTimeout as sleep } from "node:timers/promises";
import type { Gateway } from "./gateways.ts";
import { type Cookie, nowMs } from "./model.ts";
import { pick, type Random } from "./random.ts";
import type { Account, World } from "./world.ts";

/** The ways in which an operator ends sessions. */
export const kinds = [
  "DELETE /sessions/{id}",
  "DELETE /consumers/{c}/sessions",
  "POST /sessions/revoke",
  "deletion of the credential",
  "deletion of the consumer",
] as const;
export type Kind = (typeof kinds)[number];

/** End sessions of an account, or, where it is about one, that of this cookie. */
export async function end(world: World, random: Random, kind: Kind, account: Account, cookie?: Cookie): Promise<void> {
  const gateway = pick(random, world.gateways);
  const { model } = world;
  const { consumer, id } = account;
  world.count(kind);
  switch (kind) {
    case "DELETE /sessions/{id}": {
      const found = await listed(world, random, gateway, consumer, cookie);
      if (!found) return;
      const one = model.end(kind, world.endKey(found.cookie));
      await gateway.change("DELETE", `/sessions/${found.id}`);
      model.ended(one);
      return;
    }
    case "DELETE /consumers/{c}/sessions": {
      const all = model.end(kind, `consumer ${consumer}`, "now");
      await gateway.change("DELETE", `/consumers/${consumer}/sessions`);
      model.ended(all);
      return;
    }
    case "POST /sessions/revoke": {
      const before = Math.floor(nowMs() / 1000);
      const older = model.end(kind, `consumer ${consumer}`, before);
      await gateway.change("POST", "/sessions/revoke", { before, subject: consumer });
      model.ended(older);
      return;
    }
    case "deletion of the credential": {
      const own = model.end(kind, `credential ${id}`);
      await gateway.change("DELETE", `/consumers/${consumer}/key-auth/${id}`);
      model.ended(own);
      return;
    }
    case "deletion of the consumer": {
      const whole = model.end(kind, `consumer ${consumer}`);
      await gateway.change("DELETE", `/consumers/${consumer}`);
      model.ended(whole);
      return;
    }
  }
}

/** End everybody's sessions that were opened before this second. */
export async function endAll(world: World, random: Random): Promise<void> {
  const before = Math.floor(nowMs() / 1000);
  const all = world.model.end("POST /sessions/revoke of all", "all", before);
  await pick(random, world.gateways).change("POST", "/sessions/revoke", { before });
  world.model.ended(all);
  world.count("POST /sessions/revoke of all");
}

/** What an operator does until it is over: now and then something, to one of the accounts with these numbers. */
export async function operate(
  world: World,
  random: Random,
  accounts: Account[],
  from: number,
  to: number,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    await sleep(300 + random() * 900);
    const index = from + Math.floor(random() * (to - from));
    const kind = pick(random, kinds);
    const account = accounts[index]!;
    await end(world, random, kind, account);
    if (kind === "deletion of the consumer") accounts[index] = await world.createAccount(random);
    if (kind === "deletion of the credential") accounts[index] = await world.createKey(random, account.consumer);
  }
}

/** A session as the Admin API lists it, with its cookie, as far as the visitor has been answered already. */
async function listed(world: World, random: Random, { admin }: Gateway, consumer: string, cookie?: Cookie) {
  const sentMs = nowMs();
  const response = await fetch(`${admin}/sessions?size=1000&subject=${consumer}`);
  const { data } = (await response.json()) as { data: { id: string; session_id: string }[] };
  const known = data.flatMap(({ id, session_id }) => {
    const found = world.bySession.get(session_id);
    return found && (cookie === undefined || found.login === cookie.login) ? [{ id, cookie: found }] : [];
  });
  if (cookie && data.length === 0) {
    const fault = world.model.judge(cookie, sentMs, nowMs(), undefined);
    if (fault) world.fault(`${fault}: the list of ${consumer} is empty`);
  }
  return known.length === 0 ? undefined : pick(random, known);
}
