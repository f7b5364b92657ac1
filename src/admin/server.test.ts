import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { ask, exchange, listen, parseAnswer } from "../../test/helpers/raw-http.ts";
import type { Log } from "../gateway/index.ts";
import { json, noContent } from "./answer.ts";
import { createCors } from "./cors.ts";
import type { Route } from "./paths.ts";
import { createHttpApi, serverOptions } from "./server.ts";

interface Entry {
  readonly level: string;
  readonly message: string;
  readonly facts?: object;
}

/** A log that remembers. */
function createLog(): { log: Log; entries: Entry[] } {
  const entries: Entry[] = [];
  const at = (level: string) => (message: string, facts?: object) =>
    void entries.push({ level, message, ...(facts && { facts }) });
  const log = {
    debug: at("debug"),
    info: at("info"),
    notice: at("notice"),
    warn: at("warn"),
    error: at("error"),
    isDebug: false,
  };
  return { log, entries };
}

const routes: Route[] = [
  {
    path: "/echo",
    methods: {
      GET: ({ query }) => json(200, { query }),
      POST: ({ body }) => json(201, body),
      PUT: ({ body }) => json(200, body),
      DELETE: () => noContent,
    },
  },
  { path: "/echo/{name}", methods: { GET: ({ params }) => json(200, params) } },
  {
    path: "/broken",
    methods: {
      POST: () => {
        throw new Error("the disk is full");
      },
    },
  },
];

async function start(t: TestContext, urls: readonly string[] = []) {
  const { log, entries } = createLog();
  const api = createHttpApi({
    routes,
    cors: createCors(urls),
    product: "sesame/1.2.3",
    log,
    maxBodyBytes: 10 * 1024 ** 2,
  });
  return { port: await listen(t, api.handle, serverOptions), entries };
}

test("an answer has Kong's header fields in Kong's order", async (t) => {
  const { port } = await start(t);
  const answer = await ask(port, ["GET /echo"]);
  assert.equal(answer.status, "200 OK");
  assert.deepEqual(answer.fields, [
    "Date",
    "Content-Type",
    "Connection",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Content-Length",
    "X-Kong-Admin-Latency",
    "Server",
  ]);
  assert.equal(answer.field("Content-Type"), "application/json; charset=utf-8");
  assert.equal(answer.field("Connection"), "close");
  assert.equal(answer.field("Content-Length"), String(answer.body.length));
  assert.match(answer.field("X-Kong-Admin-Latency") ?? "", /^\d+$/);
  assert.equal(answer.field("Server"), "sesame/1.2.3");
  assert.equal(answer.body, '{"query":[]}');
});

test("a connection is kept for further requests", async (t) => {
  const { port } = await start(t);
  const request = "GET /echo HTTP/1.1\r\nHost: x\r\n";
  const text = await exchange(port, `${request}\r\n${request}Connection: close\r\n\r\n`);
  assert.equal(text.match(/HTTP\/1.1 200 OK/g)?.length, 2);
  assert.equal(parseAnswer(text).field("Connection"), "keep-alive");
});

test("HEAD answers what GET would, without the body", async (t) => {
  const { port } = await start(t);
  const [get, head] = await Promise.all([ask(port, ["GET /echo?a=1"]), ask(port, ["HEAD /echo?a=1"])]);
  assert.equal(head.body, "");
  assert.equal(head.field("Content-Length"), get.field("Content-Length"));
  assert.deepEqual(head.fields, get.fields);
});

test("204 has neither type nor length", async (t) => {
  const { port } = await start(t);
  const answer = await ask(port, ["DELETE /echo"]);
  assert.equal(answer.status, "204 No Content");
  assert.equal(answer.field("Content-Type"), undefined);
  assert.equal(answer.field("Content-Length"), undefined);
});

test("OPTIONS tells what a path accepts, and a preflight's headers are granted", async (t) => {
  const { port } = await start(t);
  const plain = await ask(port, ["OPTIONS /echo"]);
  assert.equal(plain.status, "204 No Content");
  assert.equal(plain.field("Allow"), "DELETE, GET, HEAD, OPTIONS, POST, PUT");
  assert.equal(plain.field("Access-Control-Allow-Methods"), "DELETE, GET, HEAD, OPTIONS, POST, PUT");
  assert.equal(plain.field("Access-Control-Allow-Headers"), "Content-Type");
  const preflight = await ask(port, ["OPTIONS /echo", "Access-Control-Request-Headers: x-a,x-b"]);
  assert.equal(preflight.field("Access-Control-Allow-Headers"), "x-a,x-b");
  assert.equal((await ask(port, ["OPTIONS /nope"])).status, "404 Not Found");
});

test("unknown paths and methods are refused in Kong's words", async (t) => {
  const { port } = await start(t);
  const table: [line: string, status: string, body: string][] = [
    ["GET /nope", "404 Not Found", '{"message":"Not found"}'],
    ["GET //echo", "404 Not Found", '{"message":"Not found"}'],
    ["GET /echo/a/b", "404 Not Found", '{"message":"Not found"}'],
    ["PATCH /echo", "405 Not Allowed", '{"message":"Method not allowed"}'],
    ["PROPFIND /echo", "405 Not Allowed", '{"message":"Method not allowed"}'],
    ["POST /echo/a", "405 Not Allowed", '{"message":"Method not allowed"}'],
  ];
  for (const [line, status, body] of table) {
    const answer = await ask(port, [line]);
    assert.equal(answer.status, status, line);
    assert.equal(answer.body, body);
    assert.equal(answer.field("Allow"), undefined);
  }
});

test("TRACE is refused as by nginx", async (t) => {
  const { port } = await start(t);
  const answer = await ask(port, ["TRACE /echo"]);
  assert.equal(answer.status, "405 Not Allowed");
  assert.deepEqual(answer.fields, ["Date", "Content-Type", "Content-Length", "Connection", "Server"]);
  assert.match(answer.body, /^<html>\r\n<head><title>405 Not Allowed<\/title>/);
});

test("parameters of the path are decoded, a slash within them too", async (t) => {
  const { port } = await start(t);
  const table: [target: string, params: string[] | undefined][] = [
    ["/echo/a%20b", ["a b"]],
    ["/echo/a%2Fb/", ["a/b"]],
    ["/echo/a+b", ["a+b"]],
    ["/echo/%C3%A4", ["ä"]],
    ["/echo/%zz", ["%zz"]],
    ["/echo/..", [".."]],
    ["http://other.test/echo/a", ["a"]],
    ["/echo/%ff", undefined],
  ];
  for (const [target, params] of table) {
    const answer = await ask(port, [`GET ${target}`]);
    assert.equal(answer.status, params ? "200 OK" : "400 Bad Request", target);
    if (params) assert.deepEqual(JSON.parse(Buffer.from(answer.body, "latin1").toString()), params);
  }
});

const json400 = (message: string) => JSON.stringify({ message });
const form = "application/x-www-form-urlencoded";

// Content-Type, body, status, body of the answer (a page when it is undefined)
const bodies: [type: string | undefined, body: string | Buffer, status: string, answer: string | undefined][] = [
  [form, "a.b=1&c[]=2", "201 Created", '{"input":{"a":{"b":"1"},"c":["2"]},"isForm":true}'],
  ["application/json; charset=utf-8", '{"a":1}', "201 Created", '{"input":{"a":1},"isForm":false}'],
  [undefined, "", "201 Created", '{"input":{},"isForm":false}'],
  [form, "", "201 Created", '{"input":{},"isForm":true}'],
  ["application/json", "", "400 Bad Request", json400("Cannot parse JSON body")],
  ["application/json", "{", "400 Bad Request", json400("Cannot parse JSON body")],
  [
    "application/json",
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    "400 Bad Request",
    json400("Cannot parse JSON body"),
  ],
  ["application/json", "[1,2]", "400 Bad Request", json400("Cannot use JSON body: expected an object")],
  ["application/json", '"x"', "400 Bad Request", json400("Cannot use JSON body: expected an object")],
  ["application/json", "null", "400 Bad Request", json400("Cannot use JSON body: expected an object")],
  ["application/json", "1", "400 Bad Request", json400("Cannot use JSON body: expected an object")],
  ["application/json", "[".repeat(200_000), "400 Bad Request", json400("Cannot parse JSON body")],
  [form, "a=1&".repeat(1001), "400 Bad Request", json400("Too many arguments")],
  [form, "a=%ff", "400 Bad Request", json400("Cannot use arguments that are not valid UTF-8")],
  ["multipart/form-data", "x", "400 Bad Request", json400("Cannot parse multipart body")],
  ["multipart/form-data; boundary=X", "x", "400 Bad Request", json400("Cannot parse multipart body")],
  [undefined, "a=1", "415 Unsupported Media Type", undefined],
  ["text/plain", "a=1", "415 Unsupported Media Type", undefined],
  ["Application/JSON", "{}", "415 Unsupported Media Type", undefined],
  ["application/yaml", "a: 1", "415 Unsupported Media Type", undefined],
  [
    form,
    "x".repeat(10 * 1024 * 1024 + 1),
    "413 Request Entity Too Large",
    json400("Request body too large: the limit is admin_client_max_body_size"),
  ],
];

for (const [type, body, status, expected] of bodies) {
  test(`a body of type ${type} that is ${JSON.stringify(body.toString().slice(0, 20))} gets ${status}`, async (t) => {
    const { port, entries } = await start(t);
    const answer = await ask(port, ["POST /echo", ...(type ? [`Content-Type: ${type}`] : [])], body);
    assert.equal(answer.status, status);
    if (expected !== undefined) assert.equal(answer.body, expected);
    else assert.match(answer.body, /<title>415 Unsupported Media Type<\/title>/);
    assert.deepEqual(entries, []);
  });
}

test("the page of a 415 has its length before the connection", async (t) => {
  const { port } = await start(t);
  const answer = await ask(port, ["POST /echo", "Content-Type: text/plain"], "x");
  assert.deepEqual(answer.fields.slice(0, 4), ["Date", "Content-Type", "Content-Length", "Connection"]);
  assert.equal(answer.field("Content-Type"), "text/html; charset=UTF-8");
});

test("a body of 10 MiB is accepted, in chunks too", async (t) => {
  const { port } = await start(t);
  const bytes = 10 * 1024 * 1024;
  const head = `POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${form}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const text = await exchange(port, `${head}${bytes.toString(16)}\r\na=${"x".repeat(bytes - 2)}\r\n0\r\n\r\n`);
  assert.equal(parseAnswer(text).status, "201 Created");
});

test("several Content-Type fields are refused", async (t) => {
  const { port } = await start(t);
  const answer = await ask(port, ["POST /echo", "Content-Type: application/json", "Content-Type: text/plain"], "{}");
  assert.equal(answer.status, "400 Bad Request");
  assert.equal(answer.body, json400("Multiple Content-Type headers not allowed"));
});

test("the body of a request that has no use for one is ignored", async (t) => {
  const { port } = await start(t);
  assert.equal((await ask(port, ["GET /echo", "Content-Type: text/plain"], "x".repeat(100_000))).status, "200 OK");
  assert.equal((await ask(port, ["DELETE /echo", "Content-Type: application/json"], "{")).status, "204 No Content");
});

test("too many query arguments are refused", async (t) => {
  const { port } = await start(t);
  const answer = await ask(port, [`GET /echo?${"a&".repeat(1001)}`]);
  assert.equal(answer.status, "400 Bad Request");
  assert.equal(answer.body, json400("Too many arguments"));
});

test("a write from a web page that is not trusted is refused, a read gets no grant", async (t) => {
  const { port } = await start(t, ["http://gui.test"]);
  for (const field of ["Origin: http://evil.test", "Sec-Fetch-Site: cross-site", "Origin: null"]) {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await ask(port, [`${method} /echo`, field, `Content-Type: ${form}`], "a=1");
      assert.equal(answer.status, "403 Forbidden", `${method} with ${field}`);
      assert.match(JSON.parse(answer.body).message, /admin_gui_url/);
      assert.equal(answer.field("Access-Control-Allow-Origin"), "http://gui.test");
      assert.equal(answer.field("Access-Control-Allow-Credentials"), undefined);
    }
    const read = await ask(port, ["GET /echo", field]);
    assert.equal(read.status, "200 OK");
    assert.equal(read.field("Access-Control-Allow-Credentials"), undefined);
  }
  const trusted = await ask(port, ["POST /echo", "Origin: http://gui.test", `Content-Type: ${form}`], "a=1");
  assert.equal(trusted.status, "201 Created");
  assert.equal(trusted.field("Access-Control-Allow-Origin"), "http://gui.test");
  assert.equal(trusted.field("Access-Control-Allow-Credentials"), "true");
});

test("what fails inside is answered 500 and logged with its cause, but without body and path", async (t) => {
  const { port, entries } = await start(t);
  const answer = await ask(port, ["POST /broken?key=hidden-1", `Content-Type: ${form}`], "password=hidden-2");
  assert.equal(answer.status, "500 Internal Server Error");
  assert.equal(answer.body, json400("An unexpected error occurred"));
  assert.equal(entries.length, 1);
  const [entry] = entries as [Entry];
  assert.equal(entry.level, "error");
  assert.match(String((entry.facts as { cause: unknown }).cause), /the disk is full/);
  assert.doesNotMatch(JSON.stringify(entry), /hidden/);
});

const nonsense: [name: string, bytes: string, status: string][] = [
  ["no HTTP", "hello\r\n\r\n", "400 Bad Request"],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400 Bad Request"],
  ["an unknown method", "FOO /echo HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"],
  ["no Host", "GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n", "400 Bad Request"],
  ["a length that is no number", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", "400 Bad Request"],
  [
    "two lengths",
    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "400 Bad Request",
  ],
  [
    "a bad chunk",
    "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "400 Bad Request",
  ],
  ["a target beyond ASCII", "GET /echo/\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"],
  ["a NUL in the target", "GET /echo/\0 HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"],
  [
    "a head that is too large",
    `GET /echo HTTP/1.1\r\nHost: x\r\nA: ${"x".repeat(70_000)}\r\n\r\n`,
    "431 Request Header Fields Too Large",
  ],
];

for (const [name, bytes, status] of nonsense) {
  test(`${name} is refused at the door, and the door stays open`, { timeout: 5000 }, async (t) => {
    const { port } = await start(t);
    assert.equal(parseAnswer(await exchange(port, bytes)).status, status);
    assert.equal((await ask(port, ["GET /echo"])).status, "200 OK");
  });
}

test("a client that leaves in the middle of its body is no failure", async (t) => {
  const { port, entries } = await start(t);
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  socket.once("connect", () => setImmediate(() => socket.destroy()));
  await new Promise((resolve) => socket.once("close", resolve));
  assert.equal((await ask(port, ["GET /echo"])).status, "200 OK");
  assert.deepEqual(entries, []);
});
