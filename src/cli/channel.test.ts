import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { createStores, DatabaseError, openSqlite } from "../database/index.ts";
import { EntityError } from "../schema/index.ts";
import { createChannel, type Methods } from "./channel.ts";
import { CommandError } from "./command.ts";

/** Two ends of a line that carries JSON, as between two processes; `cut` ends it. */
function openLine() {
  let isOpen = true;
  const [left, right] = [new EventEmitter(), new EventEmitter()];
  const port = (own: EventEmitter, other: EventEmitter) => ({
    on: (event: string, listener: (message: unknown) => void) => own.on(event, listener),
    send(message: unknown, callback: (error: Error | null) => void) {
      const text = JSON.stringify(message);
      setImmediate(() => {
        if (!isOpen) return callback(new Error("closed"));
        callback(null);
        other.emit("message", JSON.parse(text));
      });
      return true;
    },
  });
  return {
    ends: [port(left, right), port(right, left)] as const,
    cut() {
      isOpen = false;
      left.emit("disconnect");
      right.emit("disconnect");
    },
  };
}

function join(methods: Methods) {
  const line = openLine();
  createChannel(line.ends[1], methods);
  return { channel: createChannel(line.ends[0], {}), cut: line.cut };
}

test("calls are answered each with its own value, whatever the order", async () => {
  const waits = new Map<number, () => void>();
  const { channel } = join({
    double: (value: number) => new Promise((resolve) => waits.set(value, () => resolve(2 * value))),
    nothing: () => undefined,
  });
  const answers = [1, 2, 3].map((value) => channel.call("double", value));
  assert.equal(await channel.call("nothing"), undefined);
  for (const value of [3, 1, 2]) waits.get(value)?.();
  assert.deepEqual(await Promise.all(answers), [2, 4, 6]);
});

test("what is called, and what is answered, in one turn of the event loop travels in one message", async () => {
  const line = openLine();
  let sent = 0;
  for (const end of line.ends) {
    const { send } = end;
    end.send = (...message) => {
      sent++;
      return send(...message);
    };
  }
  createChannel(line.ends[1], { double: (value: number) => 2 * value });
  const channel = createChannel(line.ends[0], {});
  assert.deepEqual(await Promise.all([1, 2, 3].map((value) => channel.call("double", value))), [2, 4, 6]);
  assert.equal(sent, 2);
});

test("the errors of a write are the same at the other end", async (t) => {
  const database = openSqlite({ file: ":memory:" });
  const stores = await createStores(database, { plugins: [] });
  t.after(() => database.close());
  const { channel } = join({ write: (write: Parameters<typeof stores.write>[0]) => stores.write(write) });
  const insert = { verb: "insert", entity: "consumers", input: { username: "fiona" } } as const;
  await channel.call("write", insert);
  const writes = [
    insert,
    { ...insert, input: { username: 5, nonsense: true } },
    { verb: "update", entity: "consumers", key: { id: "00000000-0000-4000-8000-000000000000" }, input: {} } as const,
    { ...insert, entity: "routes", input: { paths: ["/"], service: { id: "00000000-0000-4000-8000-000000000000" } } },
  ];
  for (const write of writes) {
    const here = await stores.write(write).catch((error: unknown) => error);
    const there = await channel.call("write", write).catch((error: unknown) => error);
    assert.ok(here instanceof EntityError && there instanceof EntityError);
    assert.deepEqual(there.toJSON(), here.toJSON());
    assert.deepEqual([there.name, there.message, there.code], [here.name, here.message, here.code]);
  }
});

test("other errors keep what callers tell them by", async () => {
  const errors = [
    new DatabaseError("ERR_DATABASE_FAILED", "disk full"),
    new CommandError("proxy_listen: no"),
    new TypeError("a fault of the program"),
  ];
  for (const error of errors) {
    const { channel } = join({ fail: () => Promise.reject(error) });
    const there = await channel.call("fail").catch((caught: unknown) => caught);
    assert.ok(there instanceof Error);
    assert.equal(there.message, error.message);
    if (error instanceof DatabaseError) assert.ok(there instanceof DatabaseError && there.code === error.code);
    else if (error instanceof CommandError) assert.ok(there instanceof CommandError);
    else assert.equal(there.stack, error.stack);
  }
  const { channel } = join({ fail: () => Promise.reject("a text") });
  await assert.rejects(channel.call("fail"), { message: "a text" });
});

test("a call without the other process is refused, before and after it was sent", async () => {
  const { channel, cut } = join({ never: () => new Promise(() => {}) });
  const waiting = assert.rejects(channel.call("never"), /the other process has ended/);
  setImmediate(cut);
  await waiting;
  await assert.rejects(channel.call("never"), /the other process has ended/);
});

test("what is no message of the channel is passed over", async () => {
  const line = openLine();
  const channel = createChannel(line.ends[0], {});
  createChannel(line.ends[1], { hello: () => "hello" });
  for (const foreign of [null, "text", 5, {}, { reply: 77 }, { cmd: "NODE_CLUSTER" }]) {
    line.ends[1].send(foreign, () => {});
  }
  assert.equal(await channel.call("hello"), "hello");
});
