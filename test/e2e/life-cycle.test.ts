import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startEngine, type TestEngine } from "../helpers/engine.ts";
import { until } from "../helpers/until.ts";
import { startRawUpstream, startUpstream } from "../helpers/upstream.ts";
import { ask, open, openHttp2 } from "../helpers/wire.ts";

const BODY = "0123456789".repeat(30_000);

/** A promise, and the means to keep it. */
const gate = () => Promise.withResolvers<void>();

test("an answer waits for its header filter, though the upstream is done already", async (t) => {
  let opened = gate();
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === "/empty") response.writeHead(204).end();
    else response.end(BODY);
  });
  const { doors, logged, ended } = await startEngine(t, upstream.url, {
    async headerFilter(ctx) {
      await opened.promise;
      ctx.response.setHeader("X-Filtered", "yes");
      return undefined;
    },
  });
  for (const door of doors) {
    for (const [method, path, length] of [
      ["GET", "/", BODY.length],
      ["GET", "/empty", 0],
      ["HEAD", "/", 0],
    ] as const) {
      opened = gate();
      const answer = ask(t, door, { method, path });
      await wait(30);
      opened.resolve();
      assert.equal((await answer).field("x-filtered"), "yes", `${door.name} ${method} ${path}`);
      assert.equal((await answer).length, length);
    }
  }
  assert.deepEqual(logged, []);
  await until(() => ended.length === 9);
});

test("a header filter replaces the upstream's answer, and the upstream is let go", async (t) => {
  const upstream = await startUpstream(
    t,
    (_, response) => void response.writeHead(200, { "X-Theirs": "1" }).write("never ending"),
  );
  const { doors, ended } = await startEngine(t, upstream.url, {
    async headerFilter(ctx) {
      await wait(5);
      return ctx.response.exit(503, { message: "not this one" }, { "Retry-After": "1" });
    },
  });
  for (const door of doors) {
    const answer = await ask(t, door);
    assert.equal(answer.status, 503, door.name);
    assert.equal(answer.field("retry-after"), "1");
    assert.equal(answer.field("x-theirs"), undefined);
    assert.equal(answer.body, '{"message":"not this one"}');
    await until(() => upstream.open.size === 0);
  }
  assert.deepEqual(ended, [503, 503, 503]);
});

test("an upstream that breaks while its head is filtered is a 502, later a cut", async (t) => {
  let opened = gate();
  const upstream = await startRawUpstream(t, (socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
      setTimeout(() => socket.destroy(), 20);
    });
  });
  const { doors, ended } = await startEngine(t, upstream.url, {
    async headerFilter() {
      await opened.promise;
      return undefined;
    },
  });
  for (const door of doors) {
    opened = gate();
    const early = ask(t, door);
    await wait(60);
    opened.resolve();
    assert.equal((await early).status, 502, door.name);
    await assert.rejects(ask(t, door), door.name);
  }
  assert.deepEqual(ended, [502, 200, 502, 200, 502, 200]);
});

test("a client that leaves while a phase waits is not answered, and nothing fails", async (t) => {
  let opened = gate();
  let waiting = 0;
  const upstream = await startUpstream(t, (_, response) => response.end(BODY));
  const pause = async () => {
    waiting += 1;
    await opened.promise;
    return undefined;
  };
  const inAccess = await startEngine(t, upstream.url, { access: pause });
  const inFilter = await startEngine(t, upstream.url, { headerFilter: pause });
  for (const { doors, ended, logged } of [inAccess, inFilter]) {
    for (const [index, door] of doors.slice(0, 2).entries()) {
      opened = gate();
      waiting = 0;
      const wire = await open(t, door);
      wire.ask({});
      await until(() => waiting === 1);
      wire.socket.destroy();
      await until(() => ended.length === index + 1, `${door.name}: the exchange has ended`);
      opened.resolve();
      await wait(5);
    }
    assert.deepEqual(ended, [499, 499]);
    assert.deepEqual(logged, []);
  }
  assert.equal(upstream.accepted, 2, "a request whose client left in the access phase goes nowhere");
});

test("a plugin that throws is a 500, in any phase and however it throws", async (t) => {
  const upstream = await startUpstream(t, (_, response) => response.end(BODY));
  const fail = (): never => {
    throw new Error("a plugin's fault");
  };
  const failLater = async () => {
    await wait(1);
    return fail();
  };
  for (const handlers of [
    { access: fail },
    { access: failLater },
    { headerFilter: fail },
    { headerFilter: failLater },
  ]) {
    const { doors, logged } = await startEngine(t, upstream.url, handlers);
    for (const door of doors) {
      const answer = await ask(t, door);
      assert.equal(answer.status, 500, door.name);
      assert.equal(answer.body, '{"message":"An unexpected error occurred"}');
    }
    assert.deepEqual(logged, Array(3).fill("error: a request failed"));
  }
  const inLog = await startEngine(t, upstream.url, { log: fail });
  for (const door of inLog.doors) assert.equal((await ask(t, door)).status, 200);
  await until(() => inLog.logged.length === 3);
  assert.equal(inLog.ended.length, 3, "it is counted all the same");
});

test("a body that a plugin reads goes on to the upstream, whole, and one that is too long, too", async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    let length = 0;
    request.on("data", (chunk: Buffer) => (length += chunk.length)).on("end", () => response.end(`${length}`));
  });
  let read: (number | undefined)[] = [];
  const { doors } = await startEngine(t, upstream.url, {
    async access(ctx) {
      read.push((await ctx.request.body.read(100_000))?.length, (await ctx.request.body.read(100_000))?.length);
      return undefined;
    },
  });
  for (const door of doors) {
    for (const length of [0, 10, 99_999, 300_000]) {
      read = [];
      const answer = await ask(t, door, { method: "POST", body: Buffer.alloc(length) });
      assert.equal(answer.body, `${length}`, door.name);
      assert.deepEqual(read, Array(2).fill(length > 100_000 ? undefined : length));
    }
  }
});

/** Close the engine, and say what is left of `ms` when it has. */
async function close({ engine }: TestEngine, ms: number): Promise<number> {
  const start = Date.now();
  await engine.close(ms);
  return ms - (Date.now() - start);
}

test("closing: requests under way end, idle connections close, new ones are refused", async (t) => {
  const go = gate();
  const upstream = await startUpstream(t, async (request, response) => {
    response.write("begun, ");
    if (request.url === "/slow") await go.promise;
    response.end("done");
  });
  const world = await startEngine(t, upstream.url);
  const [plain, tls, h2] = world.doors;
  const busy = await Promise.all([open(t, plain!), open(t, tls!), open(t, plain!)]);
  for (const wire of busy) {
    wire.ask({ path: "/slow" });
    await wire.head();
  }
  const unused = await Promise.all([open(t, plain!), open(t, tls!)]);
  const idle = await Promise.all([open(t, plain!), open(t, tls!)]);
  for (const wire of idle) {
    wire.ask({});
    await wire.answer();
  }
  const session = openHttp2(t, h2!);
  const stream = session.request({ ":path": "/slow", ":authority": "h" });
  await once(stream, "response");
  let text = "";
  stream.on("data", (chunk) => (text += chunk));
  const [goaway, streamed] = [once(session, "goaway"), once(stream, "close")];

  const closed = close(world, 5000);
  await Promise.all([...idle, ...unused].map((wire) => wire.closed));
  await goaway;
  const refused = connect(plain!.port, "127.0.0.1");
  await assert.rejects(once(refused, "connect"), { code: "ECONNREFUSED" });
  go.resolve();
  for (const wire of busy) assert.match(await wire.rest(), /done/);
  await streamed;
  assert.equal(text, "begun, done");
  assert.ok((await closed) > 3000, "it does not wait for the end of its time");
  await until(() => world.engine.statistics.connections === 0);
});

test("closing: what does not end in time is cut", async (t) => {
  const upstream = await startUpstream(t, (_, response) => void response.write("begun"));
  const world = await startEngine(t, upstream.url);
  const wires = await Promise.all(world.doors.slice(0, 2).map((door) => open(t, door)));
  for (const wire of wires) {
    wire.ask({});
    await wire.head();
  }
  const stream = openHttp2(t, world.doors[2]!).request({ ":path": "/", ":authority": "h" });
  stream.on("error", () => {});
  await once(stream, "response");
  await close(world, 100);
  await Promise.all(wires.map((wire) => wire.closed));
  await until(() => stream.destroyed && upstream.open.size === 0);
  assert.equal(world.ended.length, 3);
});

test("no connection is left behind, on either side", async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === "/break") response.socket!.destroy();
    request.resume().on("end", () => {
      response.writeHead(request.url === "/close" ? 200 : 404, { Connection: "close" }).end(BODY);
    });
  });
  const { doors, engine, ended, logged } = await startEngine(t, upstream.url);
  const asked = doors.flatMap((door) =>
    ["/break", "/close", "/", "/%zz"].flatMap((path) =>
      ["GET", "POST", "HEAD"].map((method) => ({ door, path, method })),
    ),
  );
  await Promise.all(
    asked.map(async ({ door, path, method }) => {
      const answer = ask(t, door, { path, method, ...(method === "POST" && { body: BODY }) });
      const { status } = await answer.catch((error) => assert.fail(`${door.name} ${method} ${path}: ${error}`));
      assert.equal(status, { "/break": 502, "/close": 200, "/": 404, "/%zz": 400 }[path]);
    }),
  );
  await until(() => engine.statistics.connections === 0 && upstream.open.size === 0);
  assert.equal(ended.length, asked.length);
  assert.deepEqual([...new Set(logged)], ["error: upstream failed"]);
});
