import assert from "node:assert/strict";
import { test } from "node:test";
import { reasonOf, reasons } from "./reasons.ts";

const own = ["revoked", "replaced", "storage_unavailable"];

test("a reason is its message with underscores for blanks, but for our own three", () => {
  for (const [reason, message] of Object.entries(reasons)) {
    if (!own.includes(reason)) assert.equal(reason, message.replaceAll(" ", "_"));
  }
});

test("a message finds its reason, whatever stands in its parenthesis", () => {
  assert.equal(reasonOf("missing session cookie"), "missing_session_cookie");
  assert.equal(reasonOf("unable to load session (connection refused (111))"), "unable_to_load_session");
  assert.equal(reasonOf("something else"), undefined);
});
