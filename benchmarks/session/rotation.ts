import { join } from "node:path";
import { checkProxy, checkSession } from "../harness/answers.ts";
import { paths } from "../harness/configuration.ts";
import { mintSessions, writeCookies } from "../harness/cookies.ts";
import { share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";

const COOKIES = 10_000;

/**
 * Every request has another session than the one before, and a Cookie header that was never sent: whatever a gateway
 * remembers, it validates each in full.
 */
export const rotation: Row = {
  name: "rotation",
  title: "10,000 live cookies in rotation, none remembered",
  goal: share("nginx", 0.4),
  async prepare(bench) {
    const minted = await mintSessions(COOKIES);
    const file = join(bench.folder, "cookies.txt");
    writeCookies(file, minted);
    const { cookie } = minted[0]!;
    const subjects = [bench.sesame, ...bench.peers.filter(({ name }) => name === "nginx" || name === "Kong")];
    return subjects.map((subject) => {
      const path = subject.name === "nginx" ? paths.proxy : paths.session;
      const check = subject.name === "nginx" ? checkProxy : checkSession;
      return throughput(bench, subject, {
        path,
        script: ["rotation.lua", file, "unique"],
        check: () => check(subject, path, cookie),
      });
    });
  },
};
