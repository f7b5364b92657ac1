import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMultipart } from "./multipart.ts";

const type = "multipart/form-data; boundary=XX";
const part = (head: string, content: string) => `--XX\r\n${head}\r\n\r\n${content}\r\n`;
const field = (name: string, content: string) => part(`Content-Disposition: form-data; name="${name}"`, content);
const decode = (text: string | Buffer, contentType = type) => parseMultipart(contentType, Buffer.from(text));

test("each part is a value, a file's content too", async () => {
  const file = part('Content-Disposition: form-data; name="f"; filename="a.txt"', "line 1\nline 2");
  const binary = part('Content-Disposition: form-data; name="o"\r\nContent-Type: application/octet-stream', "x");
  const text = part('Content-Disposition: form-data; name="t"\r\nContent-Type: text/plain; charset=utf-8', "ä");
  assert.deepEqual(await decode(`${field("a.b", "1")}${field("c[]", "ä")}${file}${binary}${text}--XX--\r\n`), [
    ["a.b", "1"],
    ["c[]", "ä"],
    ["f", "line 1\nline 2"],
    ["o", "x"],
    ["t", "ä"],
  ]);
});

test("a part of type application/json is parsed", async () => {
  const head = 'Content-Disposition: form-data; name="config"\r\nContent-Type: application/json';
  assert.deepEqual(await decode(`${part(head, '{"a":[1]}')}--XX--`), [["config", { a: [1] }]]);
  await assert.rejects(decode(`${part(head, "{")}--XX--`), { message: "Cannot parse JSON body" });
});

test("a long value and an empty one are kept whole", async () => {
  const long = "x".repeat(3_000_000);
  assert.deepEqual(await decode(`${field("a", long)}${field("b", "")}--XX--`), [
    ["a", long],
    ["b", ""],
  ]);
});

const refused: [name: string, body: string | Buffer, contentType?: string][] = [
  ["no boundary", `${field("a", "1")}--XX--`, "multipart/form-data"],
  ["an empty body", ""],
  ["no parts", "hello"],
  ["an end that is missing", field("a", "1")],
  ["a head that is cut", '--XX\r\nContent-Disposition: form-data; name="a'],
  ["another boundary", `${field("a", "1")}--XX--`, "multipart/form-data; boundary=YY"],
  ["a part without a name", `${part("Content-Disposition: form-data", "1")}--XX--`],
  [
    "bytes that are not UTF-8",
    Buffer.concat([
      Buffer.from('--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n'),
      Buffer.from([0xff]),
      Buffer.from("\r\n--XX--"),
    ]),
  ],
  ["too many parts", `${field("a", "1").repeat(1001)}--XX--`],
];

for (const [name, body, contentType] of refused) {
  test(`a multipart body with ${name} is refused`, { timeout: 2000 }, () =>
    assert.rejects(decode(body, contentType), { name: "Refusal" }),
  );
}
