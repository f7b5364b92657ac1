import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startGateway } from "../helpers/gateway.ts";
import { exchange } from "../helpers/raw-http.ts";
import { type Case, cases } from "./cases.ts";
import { type Http2Case, http2Cases } from "./http2-cases.ts";
import { sendHttp2 } from "./http2-frames.ts";
import { findNginx, startNginx, startNode, type Upstream } from "./upstreams.ts";

const FOLLOW = "GET @/follow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const PATH = "/site";

async function startProxied(t: TestContext, upstream: Upstream, engine: string): Promise<readonly number[]> {
  const gateway = await startGateway(t, { http_engine: engine });
  await gateway.create("/services", { name: "site", url: `http://127.0.0.1:${upstream.port}` });
  await gateway.create("/services/site/routes", { paths: [PATH], strip_path: false });
  return gateway.ports.proxy;
}

/** Statuses of the final answers in what came back, and the answers of the upstream. */
function parse(text: string): { statuses: number[]; echoes: string[] } {
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  const echoes = [...text.matchAll(/^([A-Z]+ \/site\S*)\n/gm)].map(([, echo]) => echo!);
  return { statuses: statuses.filter((status) => status >= 200), echoes };
}

/** `METHOD path`, of what may have a body behind it. */
function withoutBody(request: string): string {
  return request.split(" ", 2).join(" ");
}

async function attempt(
  port: number,
  upstream: Upstream,
  engine: string,
  { bytes, served, begun, endedBy }: Case,
): Promise<void> {
  const place = (text: string) => text.replaceAll("@", PATH);
  const answer = parse(await exchange(port, place(bytes.replaceAll("user@h", "user\x40h") + FOLLOW)));
  const victim = parse(await exchange(port, place("GET @/victim HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")));
  assert.deepEqual(victim, { statuses: [200], echoes: [`GET ${PATH}/victim`] }, "the next client gets its own answer");
  const seen = await upstream.seen(`GET ${PATH}/victim`);
  assert.equal(seen.pop(), `GET ${PATH}/victim`);
  if (served === undefined && engine === "node") {
    // Its parser takes some of these, or reads on behind them, which is its right as long as everybody sees the same requests.
    const requests = seen.map(withoutBody);
    const isAnswered = (request: string) => answer.echoes.includes(request);
    assert.deepEqual(answer.echoes, requests.filter(isAnswered));
    assert.deepEqual(
      requests.filter((request) => !isAnswered(request) && !begun?.map(place).includes(request)),
      [],
    );
    assert.equal(answer.statuses.filter((status) => status === 200).length, answer.echoes.length);
    return;
  }
  if (served === undefined) {
    assert.equal(answer.statuses.length, 1, `one answer, not ${answer.statuses}`);
    assert.ok(answer.statuses[0]! >= 400, `refused, not ${answer.statuses}`);
    assert.deepEqual(
      seen.filter((request) => !begun?.map(place).includes(withoutBody(request))),
      [],
    );
    return;
  }
  const isEnded = endedBy === "both" || endedBy === engine;
  const expected = [...served, ...(isEnded ? [] : ["GET @/follow"])].map(place);
  assert.deepEqual(seen, upstream.knowsBodies ? expected : expected.map(withoutBody));
  assert.deepEqual(answer, { statuses: expected.map(() => 200), echoes: expected.map(withoutBody) });
}

/** What the fields of the case do not name. */
function complete(fields: readonly string[]): string[] {
  const usual = { ":method": "POST", ":scheme": "https", ":path": `${PATH}/a`, ":authority": "h" };
  return [...Object.entries(usual).flatMap((field) => (fields.includes(field[0]) ? [] : field)), ...fields];
}

async function attemptHttp2([plain, secure]: readonly number[], upstream: Upstream, entry: Http2Case): Promise<void> {
  await sendHttp2(secure!, complete(entry.fields), entry.body);
  const victim = parse(await exchange(plain!, `GET ${PATH}/victim HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`));
  assert.deepEqual(victim, { statuses: [200], echoes: [`GET ${PATH}/victim`] }, "the next client gets its own answer");
  const seen = await upstream.seen(`GET ${PATH}/victim`);
  const reaches = entry.reaches === undefined || upstream.knowsBodies ? entry.reaches : withoutBody(entry.reaches);
  assert.deepEqual(
    seen.filter((request) => request !== reaches),
    [`GET ${PATH}/victim`],
  );
}

const nginx = findNginx();
const upstreams = [
  { name: "node:http", start: startNode, skip: false as const },
  {
    name: "nginx",
    start: (t: TestContext) => startNginx(t, nginx!),
    skip: nginx === undefined && "nginx is not installed",
  },
];

for (const engine of ["fast", "node"]) {
  for (const { name, start, skip } of upstreams) {
    test(`nothing is smuggled through http_engine = ${engine} to ${name}`, { skip }, async (t) => {
      const upstream = await start(t);
      const [port] = await startProxied(t, upstream, engine);
      for (const entry of cases)
        await t.test(entry.name, { timeout: 5_000 }, () => attempt(port!, upstream, engine, entry));
    });
  }
}

for (const { name, start, skip } of upstreams) {
  test(`nothing is smuggled over HTTP/2 to ${name}`, { skip }, async (t) => {
    const upstream = await start(t);
    const ports = await startProxied(t, upstream, "fast");
    for (const entry of http2Cases)
      await t.test(entry.name, { timeout: 5_000 }, () => attemptHttp2(ports, upstream, entry));
  });
}
