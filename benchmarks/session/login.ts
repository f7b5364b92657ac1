import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { checkLogin, checkProxy } from "../harness/answers.ts";
import { type Bench, peersFor } from "../harness/bench.ts";
import { KEY, paths } from "../harness/configuration.ts";
import { perSecond, share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Contender, Row } from "../harness/row.ts";
import type { Subject } from "../harness/subject.ts";
import type { WrkResult } from "../harness/wrk.ts";

/** Every answer was looked at: all are 200, and all bring a cookie. */
function verifyLogins({ counts }: WrkResult): void {
  const { answers = 0, ok, cookies } = counts;
  if (answers === 0 || ok !== answers || cookies !== answers) {
    throw new Error(`of ${answers} logins ${ok} were answered 200 and ${cookies} brought a cookie`);
  }
}

function logins(bench: Bench, subject: Subject, path: string): Contender {
  return throughput(bench, subject, {
    path: `${path}?apikey=${KEY}`,
    script: ["login.lua"],
    check: () => checkLogin(subject, path),
    verify: verifyLogins,
  });
}

/** A visitor with a key, and without a session: one is made and sent. */
export const login: Row = {
  name: "login",
  title: "login, storage=cookie",
  goal: share("nginx", 0.3),
  async prepare(bench) {
    const peers = peersFor(bench, "login").map((peer) => {
      if (peer.name !== "nginx") return logins(bench, peer, paths.session);
      const path = `${paths.proxy}?apikey=${KEY}`;
      return throughput(bench, peer, { path, check: () => checkProxy(peer, path) });
    });
    return [logins(bench, bench.sesame, paths.session), ...peers];
  },
};

/** The same, committed to the database before the cookie leaves: as many rows as cookies. */
export const loginKong: Row = {
  name: "login-kong",
  title: "login, storage=kong",
  goal: perSecond(4_000),
  async prepare(bench) {
    const { sesame, peers } = bench;
    const database = new DatabaseSync(join(sesame.prefix, "sesame.db"), { readOnly: true });
    bench.cleanup.defer(() => database.close());
    const rows = () => Number(database.prepare("SELECT count(*) AS rows FROM sessions").get()!["rows"]);
    const ours = logins(bench, sesame, paths.kong);
    const counted = async (seconds: number) => {
      const before = rows();
      const sample = await ours.run(seconds);
      const kept = rows() - before;
      // wrk's own clock differs a little from the time that was asked for.
      const answered = Math.floor(sample.rate! * seconds * 0.99);
      if (kept < answered) throw new Error(`${sesame.name}: of ${answered} sessions ${kept} are in the database`);
      return sample;
    };
    const kong = peers.filter(({ name }) => name === "Kong").map((peer) => logins(bench, peer, paths.kong));
    return [{ ...ours, run: counted }, ...kong];
  },
};
