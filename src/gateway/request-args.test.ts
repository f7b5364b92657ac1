import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createInbound } from "../../test/helpers/inbound.ts";
import { Context } from "./context.ts";
import { createTrustedPeers } from "./forwarded.ts";
import { readBodyArgs, removeBodyArg } from "./request-args.ts";

const FORM = "application/x-www-form-urlencoded";
const trusted = createTrustedPeers({ trusted_ips: [], real_ip_header: "X-Real-IP", real_ip_recursive: false });

function contextOf(type: string | undefined, body: string | Uint8Array | undefined, chunked = false): Context {
  const inbound = createInbound({
    method: "POST",
    headers: type === undefined ? [] : ["Content-Type", type],
    ...(body !== undefined && { body }),
    chunked,
  });
  return new Context(
    inbound,
    { trusted, clock: () => 0, bodyBufferSize: 0 },
    { onDrain() {}, onFault() {}, onAbort() {} },
  );
}

async function argsOf(type: string | undefined, body: string | Uint8Array | undefined): Promise<object | undefined> {
  const args = await readBodyArgs(contextOf(type, body));
  return args && Object.fromEntries(args);
}

const multipart = (...parts: string[]) => `${parts.map((part) => `--B\r\n${part}\r\n`).join("")}--B--\r\n`;
const part = (name: string, value: string) => `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`;
const MULTIPART = "multipart/form-data; boundary=B";

describe("the arguments of a body", () => {
  const table: readonly [
    what: string,
    type: string | undefined,
    body: string | Uint8Array | undefined,
    args: unknown,
  ][] = [
    ["a form", FORM, "a=1&b=x%20y+z&c", { a: "1", b: "x y z", c: true }],
    ["a form with a repeated name", FORM, "a=1&a=2&a", { a: ["1", "2", true] }],
    ["a form with a charset", `${FORM}; charset=utf-8`, "a=ü", { a: "ü" }],
    ["a form whose type is in capitals", FORM.toUpperCase(), "a=1", { a: "1" }],
    ["a form of nothing but marks", FORM, "&&=&", { "": "" }],
    [
      "a form that names a prototype",
      FORM,
      "__proto__=1&constructor=2",
      JSON.parse('{"__proto__":"1","constructor":"2"}'),
    ],
    ["JSON", "application/json", '{"a":"x","b":[1,{"c":null}],"d":false}', { a: "x", b: [1, { c: null }], d: false }],
    ["JSON that is a list", "application/json", "[1,2]", undefined],
    ["JSON that is a text", "application/json", '"a"', undefined],
    ["JSON that is null", "application/json", "null", undefined],
    ["broken JSON", "application/json", '{"a":', undefined],
    ["JSON that is not UTF-8", "application/json", Buffer.from('{"a":"\xff"}', "latin1"), undefined],
    ["multipart", MULTIPART, multipart(part("a", "1"), part("b", "x\r\ny")), { a: "1", b: "x\r\ny" }],
    [
      "multipart with a repeated name",
      MULTIPART,
      multipart(part("a", "1"), part("a", "2"), part("a", "")),
      { a: ["1", "2", ""] },
    ],
    ["multipart with a preamble", MULTIPART, `hello\r\n${multipart(part("a", "1"))}`, { a: "1" }],
    ["multipart with a quoted boundary", 'multipart/form-data; boundary="B"', multipart(part("a", "1")), { a: "1" }],
    [
      "multipart with a file",
      MULTIPART,
      multipart('content-disposition: form-data; filename="name=x; name=y"; name=f\r\n\r\ndata'),
      { f: "data" },
    ],
    [
      "multipart with a nameless part",
      MULTIPART,
      multipart("Content-Type: text/plain\r\n\r\nx", part("a", "1")),
      { a: "1" },
    ],
    ["multipart without parts", MULTIPART, "--B--\r\n", {}],
    ["multipart that is cut", MULTIPART, '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n', undefined],
    [
      "multipart with a part that has no end of its head",
      MULTIPART,
      "--B\r\nContent-Disposition: x\r\n--B--\r\n",
      undefined,
    ],
    ["multipart without boundary", "multipart/form-data", multipart(part("a", "1")), undefined],
    ["multipart with a head beyond bounds", MULTIPART, multipart(`X: ${"x".repeat(20_000)}\r\n\r\n`), undefined],
    ["a text", "text/plain", "a=1", undefined],
    ["no type", undefined, "a=1", undefined],
    ["no body", FORM, undefined, undefined],
    ["a body beyond bounds", FORM, `a=${"x".repeat(1024 * 1024)}`, undefined],
  ];
  for (const [what, type, body, args] of table) {
    it(`are read from ${what}`, async () => assert.deepEqual(await argsOf(type, body), args));
  }

  it("are answered without a promise where nothing has to be read", () => {
    assert.equal(readBodyArgs(contextOf("text/plain", "a=1")), undefined);
    assert.equal(readBodyArgs(contextOf(FORM, undefined)), undefined);
  });

  it("are read once, and then answered at once", async () => {
    const ctx = contextOf(FORM, "a=1");
    const args = await readBodyArgs(ctx);
    assert.equal(readBodyArgs(ctx), args);
  });

  it("are read from a body whose length is not known before", async () => {
    assert.equal((await readBodyArgs(contextOf(FORM, "a=1", true)))?.get("a"), "1");
    assert.equal(await readBodyArgs(contextOf(FORM, "x".repeat(1024 * 1024 + 1), true)), undefined);
  });

  it("are read quickly from a body made to be slow", async () => {
    const start = performance.now();
    await argsOf(FORM, "&".repeat(1024 * 1024));
    await argsOf(FORM, "a&".repeat(1024 * 512));
    await argsOf("application/json", `${'{"a":['.repeat(100_000)}`);
    await argsOf(MULTIPART, "\r\n--B".repeat(150_000));
    await argsOf(MULTIPART, multipart(...Array(10_000).fill(part("a", "1"))));
    assert.ok(performance.now() - start < 2000);
  });
});

describe("an argument that is removed", () => {
  const table: readonly [what: string, type: string, body: string, left: string][] = [
    ["a form", FORM, "b=1&a=2&c=%7e+&a=3&a&aa=1", "b=1&c=%7e+&aa=1"],
    ["a form where its name is escaped", FORM, "b=ü&%61=2", "b=ü"],
    ["a form that has no other", FORM, "a=1", ""],
    [
      "JSON",
      "application/json",
      ' { "b" : 1e400 , "a":{"x":["}",1]},"c" : "\\"a\\":" } ',
      '{ "b" : 1e400 ,"c" : "\\"a\\":" }',
    ],
    [
      "JSON where its name is escaped",
      "application/json",
      '{"\\u0061":1,"b":12345678901234567890}',
      '{"b":12345678901234567890}',
    ],
    ["JSON that has no other", "application/json", '{"a":1}', "{}"],
    ["JSON where it stands deeper too", "application/json", '{"b":{"a":1},"a":2}', '{"b":{"a":1}}'],
    [
      "multipart",
      MULTIPART,
      multipart(part("b", "1"), part("a", "2"), part("c", "")),
      multipart(part("b", "1"), part("c", "")),
    ],
    ["multipart that has no other", MULTIPART, multipart(part("a", "2")), "--B--\r\n"],
  ];
  for (const [what, type, body, left] of table) {
    it(`leaves the rest of ${what} as it was`, async () => {
      const ctx = contextOf(type, body);
      assert.ok((await readBodyArgs(ctx))?.has("a"));
      removeBodyArg(ctx, "a");
      assert.equal(Buffer.from(ctx.request.body.bytes!).toString(), left);
      assert.equal(ctx.request.body.length, Buffer.byteLength(left));
      assert.equal((await readBodyArgs(ctx))?.has("a"), false);
    });
  }

  it("is no matter when it was not there", async () => {
    const ctx = contextOf(FORM, "b=1");
    removeBodyArg(ctx, "a");
    await readBodyArgs(ctx);
    removeBodyArg(ctx, "a");
    assert.equal(Buffer.from(ctx.request.body.bytes!).toString(), "b=1");
  });
});
