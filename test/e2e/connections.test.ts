import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startGateway } from "../helpers/gateway.ts";
import { until } from "../helpers/until.ts";
import { doorsOf, open } from "../helpers/wire.ts";

/** What a new connection gets that sends a request at once. */
function knock(t: TestContext, port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  socket.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  socket.on("data", (bytes) => (text += bytes));
  socket.on("error", () => {});
  return new Promise((resolve) => socket.on("close", () => resolve(text)));
}

for (const http_engine of ["fast", "node"]) {
  test(`connections beyond the limit are closed at once, told once and counted (${http_engine})`, async (t) => {
    const gateway = await startGateway(t, { http_engine, worker_connections: "3" });
    const [plain, tls] = doorsOf(gateway);
    const within = [await open(t, plain!), await open(t, tls!), await open(t, plain!)];
    const statusOf = async (wire: (typeof within)[0]) => {
      wire.ask({});
      return (await wire.answer()).status;
    };
    for (const wire of within) assert.equal(await statusOf(wire), 404);

    for (const { port } of [plain!, tls!, plain!, plain!]) assert.equal(await knock(t, port), "");
    for (const wire of within) assert.equal(await statusOf(wire), 404, "those within the limit go on");

    const metrics = await (await fetch(`${gateway.status}/metrics`)).text();
    assert.match(metrics, /^sesame_connections_accepted_total 7$/m);
    assert.match(metrics, /^sesame_connections_refused_total 4$/m);
    const { server } = (await (await fetch(`${gateway.admin}/status`)).json()) as { server: Record<string, number> };
    const { connections_active, connections_accepted, connections_handled } = server;
    assert.deepEqual([connections_active, connections_accepted, connections_handled], [3, 7, 3]);

    within[1]!.socket.destroy();
    let text = "";
    const deadlineMs = performance.now() + 5000;
    while (text === "" && performance.now() < deadlineMs) text = await knock(t, plain!.port);
    assert.match(text, /^HTTP\/1\.1 404 /, "there is room again");
    const lines = () =>
      readFileSync(join(gateway.prefix, "logs/error.log"), "utf8").match(/connections are refused.*/g);
    await until(() => lines() !== null);
    assert.match(lines()![0], /limit=3 refused=1$/);
    assert.ok(lines()!.length <= 2, "not once for each");
  });
}
