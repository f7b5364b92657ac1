import { lacking } from "../../test/helpers/servers.ts";
import { checkProxy, checkSession, logIn } from "../harness/answers.ts";
import { type Bench, peersFor } from "../harness/bench.ts";
import { paths } from "../harness/configuration.ts";
import { share } from "../harness/goals.ts";
import { throughput } from "../harness/load.ts";
import type { Contender, Row } from "../harness/row.ts";
import { startRedis } from "../harness/stores.ts";
import type { Subject } from "../harness/subject.ts";

/** Requests with one live session; the path of the gateway's own storage may differ from that of the peers. */
async function signedIn(bench: Bench, subject: Subject, path: string): Promise<Contender> {
  const cookie = await logIn(subject, path);
  return throughput(bench, subject, { path, headers: { cookie }, check: () => checkSession(subject, path, cookie) });
}

/** nginx, which recognises nobody, proxying the same requests. */
function passedOn(bench: Bench, nginx: Subject, cookie: string): Contender {
  const check = () => checkProxy(nginx, paths.proxy, cookie);
  return throughput(bench, nginx, { path: paths.proxy, headers: { cookie }, check });
}

async function peersOf(bench: Bench): Promise<Contender[]> {
  const cookie = await logIn(bench.sesame, paths.session);
  const peers = peersFor(bench, "session");
  return Promise.all(
    peers.map((peer) => (peer.name === "nginx" ? passedOn(bench, peer, cookie) : signedIn(bench, peer, paths.session))),
  );
}

/** The whole pipeline for a visitor with a session in the cookie: route, session, key-auth with anonymous, identity. */
export const session: Row = {
  name: "session",
  title: "session cookie seen before, full pipeline",
  goal: share("nginx", 0.75),
  prepare: async (bench) => [await signedIn(bench, bench.sesame, paths.session), ...(await peersOf(bench))],
};

/** The same with the session's data in the gateway's database. */
export const sessionKong: Row = {
  name: "session-kong",
  title: "storage=kong, signed in, session seen before",
  goal: share("storage=cookie", 0.9),
  async prepare(bench) {
    const ours = await signedIn(bench, bench.sesame, paths.kong);
    const besides = await signedIn(bench, bench.sesame, paths.session);
    const kong = bench.peers.filter(({ name }) => name === "Kong");
    const others = await Promise.all(kong.map((peer) => signedIn(bench, peer, paths.kong)));
    return [ours, { ...besides, name: "storage=cookie" }, ...others];
  },
};

/** The same with the session's data in a Redis. */
export const sessionRedis: Row = {
  name: "session-redis",
  title: "storage=redis, signed in, session seen before",
  goal: share("storage=cookie", 0.9),
  async prepare(bench) {
    const missing = lacking("redis-server");
    if (missing) return missing;
    const sesame = await bench.startSesame({ name: "Sesame", redisPort: await startRedis(bench) });
    const ours = await signedIn(bench, sesame, paths.redis);
    const besides = await signedIn(bench, sesame, paths.session);
    return [ours, { ...besides, name: "storage=cookie" }];
  },
};
