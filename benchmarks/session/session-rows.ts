import { join } from "node:path";
import { checkSession } from "../harness/answers.ts";
import { paths } from "../harness/configuration.ts";
import { mintSessions, writeCookies } from "../harness/cookies.ts";
import { share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";
import { insertSessions } from "../harness/seed.ts";

/** More sessions in rotation than rows are remembered, in cookies not sent before: each is read from the database. */
const VISITORS = 20_000;
const MANY = 1_000_000;

/** storage=kong with a million rows, beside as many as there are visitors. */
export const sessionRows: Row = {
  name: "session-rows",
  title: "storage=kong, 1,000,000 rows beside 20,000",
  goal: share("20,000 rows", 0.9),
  isExtra: true,
  async prepare(bench) {
    const minted = await mintSessions(VISITORS, { storage: "kong" });
    const file = join(bench.folder, "row-cookies.txt");
    writeCookies(file, minted);
    const contender = async (rows: number) => {
      const sesame = await bench.startSesame({
        name: `${rows.toLocaleString("en")} rows`,
        seed: (prefix) => insertSessions(prefix, minted, rows - VISITORS),
      });
      const check = () => checkSession(sesame, paths.kong, minted[0]!.cookie);
      return throughput(bench, sesame, { path: paths.kong, script: ["rotation.lua", file, "unique"], check });
    };
    return [await contender(MANY), await contender(VISITORS)];
  },
};
