import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { Worker } from "node:worker_threads";
import { startEngine } from "../helpers/engine.ts";
import { until } from "../helpers/until.ts";
import type { Door } from "../helpers/wire.ts";
import { type Asked, faultOf } from "./answers.ts";
import { type Kind, kinds, marked } from "./marks.ts";
import { Random } from "./random.ts";

const RUN_MS = Number(process.env["CHURN_SECONDS"] ?? 20) * 1000;
const CLIENTS = 200;
const CHUNK = 3001;

/** How a client behaves. */
type Manner = "waits" | "leaves" | "resets" | "half-closes";

interface Plan {
  readonly bytes: Buffer;
  readonly requests: readonly Asked[];
  readonly manner: Manner;
  /** It leaves when it has got so many bytes. */
  readonly enough: number;
}

/** Requests to be sent one behind the other on a connection of this number; `node` takes no socket behind others. */
function plan(random: Random, number: number, engine: "fast" | "node"): Plan {
  const count = random.chance(0.5) ? 1 : 1 + random.below(6);
  const manner = random.of<Manner>(["waits", "waits", "leaves", "resets", "half-closes"]);
  const requests: Asked[] = [];
  const parts: Buffer[] = [];
  for (let i = 0; i < count; i += 1) {
    const isLast = i === count - 1;
    const id = `${number}/${i}`;
    const kind = random.of<Kind>(
      isLast && (i === 0 || engine === "fast") ? kinds : kinds.filter((one) => one !== "socket"),
    );
    const version = isLast && kind !== "socket" && random.chance(0.1) ? "1.0" : "1.1";
    const method = kind === "socket" ? "GET" : random.of(["GET", "GET", "HEAD", "POST", "PUT"]);
    const length = random.of([0, 1, 20, 500, 8192, 20_000, 100_000]);
    requests.push({ kind, id, method, version, length });
    parts.push(requestBytes(random, requests.at(-1)!, number, isLast));
  }
  return { bytes: Buffer.concat(parts), requests, manner, enough: random.below(random.of([300, 5000, 200_000])) };
}

function requestBytes(random: Random, { kind, id, method, version, length }: Asked, number: number, isLast: boolean) {
  const size = method.startsWith("P") ? random.of([0, 5, 3000, 100_000]) : kind === "socket" ? random.below(5000) : 0;
  const body = marked(kind === "socket" ? `c${id}` : id, size);
  const isChunked = method.startsWith("P") && version === "1.1" && random.chance(0.5);
  const upgrade = kind === "socket" ? "Connection: Upgrade\r\nUpgrade: websocket\r\n" : "";
  const framing = isChunked ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${size}\r\n`;
  const head =
    `${method} /${kind}/${id}/${length} HTTP/${version}\r\nHost: h\r\nCookie: ${marked(String(number), 100)}\r\n` +
    `X-Length: ${size}\r\n${isLast && !upgrade ? "Connection: close\r\n" : ""}${upgrade}` +
    `${method.startsWith("P") ? framing : ""}\r\n`;
  return Buffer.concat([Buffer.from(head), isChunked ? chunked(body) : body]);
}

function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK) {
    const piece = body.subarray(at, at + CHUNK);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}

function connectTo({ name, host, port }: Door): Socket {
  if (name === "plain") return connect({ host, port, allowHalfOpen: true });
  const socket = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  socket.allowHalfOpen = true;
  return socket;
}

/** Carry a plan out; answers what is wrong with what came back. */
async function run(random: Random, door: Door, { bytes, requests, manner, enough }: Plan): Promise<string | undefined> {
  const socket = connectTo(door);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  const chunks: Buffer[] = [];
  let size = 0;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= enough && manner === "resets" && door.name === "plain") socket.resetAndDestroy();
    else if (size >= enough && (manner === "leaves" || manner === "resets")) socket.destroy();
    else if (random.chance(0.05)) {
      socket.pause();
      setTimeout(() => socket.resume(), random.below(30));
    }
  });
  socket.on("end", () => socket.end());
  await send(random, socket, bytes);
  if (manner === "half-closes") socket.end();
  // Some wait for an answer that does not come to as much.
  const cut = setTimeout(() => manner !== "waits" && socket.destroy(), 200);
  const late = setTimeout(() => socket.destroy(), 15_000);
  await closed;
  clearTimeout(cut);
  clearTimeout(late);
  const isCut = requests.some(({ kind }) => kind === "abort") || requests.at(-1)!.kind === "socket";
  return faultOf(Buffer.concat(chunks), requests, manner === "waits" && !isCut);
}

async function send(random: Random, socket: Socket, bytes: Buffer): Promise<void> {
  const isSlow = random.chance(0.3);
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const end = isSlow ? at + 1 + random.below(20_000) : bytes.length;
    if (!socket.write(bytes.subarray(at, end))) await Promise.race([once(socket, "drain"), wait(50)]).catch(() => {});
    at = end;
    if (isSlow) await wait(random.below(5));
  }
}

for (const name of ["fast", "node"] as const) {
  test(`no client gets a byte of another's answer, whatever breaks off (${name})`, {
    timeout: RUN_MS + 60_000,
  }, async (t) => {
    const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);
    const random = new Random(seed);
    const faults: string[] = [];
    const upstream = new Worker(new URL("./upstream.ts", import.meta.url));
    t.after(() => upstream.terminate());
    const [port] = (await once(upstream, "message")) as [number];
    upstream.on("message", (what: string) => faults.push(what));
    const { doors, engine, logged } = await startEngine(
      t,
      `http://127.0.0.1:${port}`,
      {
        headerFilter() {
          return random.chance(0.2) ? wait(random.below(4)).then(() => undefined) : undefined;
        },
        async access(ctx) {
          if (random.chance(0.2)) await ctx.request.body.read(50_000);
        },
      },
      name,
    );
    let number = 0;
    const end = Date.now() + RUN_MS / 2;
    const client = async () => {
      while (Date.now() < end && faults.length === 0) {
        const own = (number += 1);
        const door = doors[random.chance(0.1) ? 1 : 0]!;
        const fault = await run(random, door, plan(random, own, name));
        if (fault !== undefined) faults.push(fault);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    assert.deepEqual(faults, [], `FUZZ_SEED=${seed}`);
    assert.deepEqual(
      logged.filter((line) => !line.endsWith("upstream failed")),
      [],
    );
    t.diagnostic(`${number} connections`);
    await until(() => engine.statistics.connections === 0);
  });
}
