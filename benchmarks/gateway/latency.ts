import { checkProxy, checkSession, logIn } from "../harness/answers.ts";
import { peersFor } from "../harness/bench.ts";
import { paths } from "../harness/configuration.ts";
import { type Goal, p99Within } from "../harness/goals.ts";
import { latency } from "../harness/load.ts";
import type { Row } from "../harness/row.ts";

/** The tail of the signed-in request at one rate for all, which is given by `--rate`. */
export function latencyRow(rate: number): Row {
  const goal: Goal = p99Within("nginx", 1, rate);
  return {
    name: "latency",
    title: `p99 at ${rate.toLocaleString("en")}/s, session cookie seen before`,
    goal,
    async prepare(bench) {
      const cookie = await logIn(bench.sesame, paths.session);
      const ours = latency(bench, bench.sesame, {
        path: paths.session,
        headers: { cookie },
        check: () => checkSession(bench.sesame, paths.session, cookie),
      });
      const theirs = peersFor(bench, "session").map(async (peer) => {
        if (peer.name === "nginx") {
          const check = () => checkProxy(peer, paths.proxy, cookie);
          return latency(bench, peer, { path: paths.proxy, headers: { cookie }, check });
        }
        const own = await logIn(peer, paths.session);
        const check = () => checkSession(peer, paths.session, own);
        return latency(bench, peer, { path: paths.session, headers: { cookie: own }, check });
      });
      return [ours, ...(await Promise.all(theirs))];
    },
  };
}
