import { once } from "node:events";
import { connect } from "node:net";
import { freePort, serverFolder, startServer, type TestServer } from "./servers.ts";

export async function startMemcached(): Promise<TestServer> {
  const at = { port: await freePort(), folder: serverFolder() };
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  // While items are moved about, a dump of all keys may miss some.
  const still = ["-o", "no_lru_maintainer"];
  return startServer("memcached", ["-l", "127.0.0.1", "-p", String(at.port), "-U", "0", ...still, ...user], at);
}

/** Send text and collect what comes back until it ends with one of these. */
export async function askMemcached(port: number, text: string, ...ends: string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  try {
    socket.write(text);
    let answer = "";
    while (!ends.some((end) => answer.endsWith(end))) answer += (await once(socket, "data"))[0];
    return answer;
  } finally {
    socket.destroy();
  }
}

/** Every key, as it is on the wire, with its expiry in seconds since the epoch; -1 when it stays. */
export async function keysOfMemcached(port: number): Promise<Map<string, number>> {
  const dump = await askMemcached(port, "lru_crawler metadump all\r\n", "END\r\n");
  const rows = [...dump.matchAll(/^key=(\S+) exp=(-?\d+) /gm)];
  return new Map(rows.map(([, key, expires]) => [decodeURIComponent(key!), Number(expires)]));
}

/** Let every key be this many seconds older, as if time had passed. */
export async function advanceMemcached(port: number, seconds: number): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  for (const [key, expires] of await keysOfMemcached(port)) {
    if (expires === -1) continue;
    const command = expires - seconds > now ? `touch ${key} ${expires - seconds}` : `delete ${key}`;
    await askMemcached(port, `${command}\r\n`, "\r\n");
  }
}
