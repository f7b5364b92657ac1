import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { lacking } from "../../test/helpers/servers.ts";
import { checkLogin, checkProxy } from "../harness/answers.ts";
import { type Bench, peersFor } from "../harness/bench.ts";
import { KEY, paths } from "../harness/configuration.ts";
import { perSecond, share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Contender, Row } from "../harness/row.ts";
import { startPostgres } from "../harness/stores.ts";
import type { Subject } from "../harness/subject.ts";
import type { WrkResult } from "../harness/wrk.ts";

/** Every answer was looked at: all are 200, and all bring a cookie. */
function verifyLogins({ counts }: WrkResult): void {
  const { answers = 0, ok, cookies } = counts;
  if (answers === 0 || ok !== answers || cookies !== answers) {
    throw new Error(`of ${answers} logins ${ok} were answered 200 and ${cookies} brought a cookie`);
  }
}

function logins(bench: Bench, subject: Subject, path: string, verify = verifyLogins): Contender {
  return throughput(bench, subject, {
    path: `${path}?apikey=${KEY}`,
    script: ["login.lua"],
    check: () => checkLogin(subject, path),
    verify,
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

/** Logins whose sessions must all be in the database when they are answered; `rows` counts those that are. */
function committed(bench: Bench, subject: Subject, rows: () => Promise<number>): Contender {
  let answered = 0;
  const logging = logins(bench, subject, paths.kong, (result) => {
    verifyLogins(result);
    answered = result.counts.answers!;
  });
  return {
    ...logging,
    async run(seconds) {
      const before = await rows();
      const sample = await logging.run(seconds);
      const kept = (await rows()) - before;
      if (kept < answered) throw new Error(`${subject.name}: of ${answered} sessions ${kept} are in the database`);
      return sample;
    },
  };
}

/** The same, committed to PostgreSQL before the cookie leaves: as many rows as cookies. */
export const loginPostgres: Row = {
  name: "login-postgres",
  title: "login, storage=kong on PostgreSQL",
  goal: perSecond(4_000),
  async prepare(bench) {
    const missing = lacking("postgres", "initdb");
    if (missing) return missing;
    const postgres = await startPostgres(bench);
    const sesame = await bench.startSesame({ name: "Sesame", settings: postgres.settings });
    const rows = async () => Number((await postgres.query("SELECT count(*) AS rows FROM sessions"))[0]!["rows"]);
    const kong = bench.peers.filter(({ name }) => name === "Kong").map((peer) => logins(bench, peer, paths.kong));
    return [committed(bench, sesame, rows), ...kong];
  },
};

/** The same, committed to the embedded database. */
export const loginSqlite: Row = {
  name: "login-sqlite",
  title: "login, storage=kong on SQLite",
  goal: perSecond(4_000),
  async prepare(bench) {
    const { sesame } = bench;
    const database = new DatabaseSync(join(sesame.prefix, "sesame.db"), { readOnly: true });
    bench.cleanup.defer(() => database.close());
    const statement = database.prepare("SELECT count(*) AS rows FROM sessions");
    return [committed(bench, sesame, async () => Number(statement.get()!["rows"]))];
  },
};
