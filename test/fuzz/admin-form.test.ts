import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nest, parseArguments } from "../../src/admin/form.ts";
import { parseJson } from "../../src/admin/json.ts";
import { parseMultipart } from "../../src/admin/multipart.ts";

const SEED = 20260806;

/** What a decoder makes of it; a refusal is a right answer, any other error a fault. */
async function decoded<T>(decode: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await decode();
  } catch (error) {
    assert.equal((error as Error).name, "Refusal");
    return undefined;
  }
}

/** Plain data without holes, undefined members or foreign prototypes; it survives JSON. */
function assertPlain(value: unknown): void {
  assert.deepEqual(JSON.parse(JSON.stringify(value)), value);
}

/** Text made of the characters that mean something in a form. */
const formText = fc.string({
  unit: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom("a", "b", "1", "2", "&", "=", ".", "[", "]", "[]", "%5B", "%5d", "+", "%", "%ff"),
    },
    { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "\0", "\xff", "ä", "/", ",") },
  ),
  maxLength: 60,
});

test("any form is decoded to plain data or refused", () =>
  fc.assert(
    fc.asyncProperty(formText, async (text) => {
      const input = await decoded(() => nest(parseArguments(text)));
      if (input) assertPlain(input);
      assert.equal(Object.getOwnPropertyNames(Object.prototype).length, prototypeMembers);
    }),
    { seed: SEED, numRuns: 5000 },
  ));

const prototypeMembers = Object.getOwnPropertyNames(Object.prototype).length;
const name = fc.stringMatching(/^[a-z_]{1,8}$/);
const value = fc.string({ unit: "grapheme", maxLength: 20 });

test("what a client encodes is what arrives", () =>
  fc.assert(
    fc.property(
      fc.dictionary(name, fc.oneof(value, fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true })), {
        noNullPrototype: true,
      }),
      (input) => {
        const form = new URLSearchParams();
        for (const [key, member] of Object.entries(input)) {
          if (typeof member === "string") form.append(key, member);
          else for (const [inner, text] of Object.entries(member)) form.append(`${key}.${inner}`, text);
        }
        assert.deepEqual(nest(parseArguments(form.toString())), input);
      },
    ),
    { seed: SEED, numRuns: 1000 },
  ));

const multipartText = fc.string({
  unit: fc.constantFrom(
    "--X",
    "--X--",
    "\r\n",
    "\n",
    "\r\n\r\n",
    "Content-Disposition: form-data",
    '; name="a"',
    '; name="b[]"',
    "; filename=f",
    "Content-Type: application/json",
    ":",
    ";",
    '"',
    "{}",
    "x",
    "\0",
    "ä",
  ),
  maxLength: 40,
});

test("any multipart body is decoded or refused, and never waited for", () =>
  fc.assert(
    fc.asyncProperty(multipartText, async (text) => {
      const args = await decoded(() => parseMultipart("multipart/form-data; boundary=X", Buffer.from(text)));
      if (args) assertPlain(nest(args));
    }),
    { seed: SEED, numRuns: 1500, timeout: 500 },
  ));

test("any bytes are JSON or refused", () =>
  fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string({ unit: "binary" })), async (text) => {
      const parsed = await decoded(() => parseJson(text));
      if (parsed !== undefined) assertPlain(parsed);
    }),
    { seed: SEED, numRuns: 700 },
  ));
