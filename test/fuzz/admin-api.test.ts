import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { startAdmin } from "../helpers/admin.ts";

const PATHS = [
  ..."services routes consumers plugins key-auths basic-auths acls sessions tags".split(" "),
  ..."services/s services/s/routes services/s/plugins routes/r routes/r/service plugins/p".split(" "),
  ..."consumers/c consumers/c/key-auth consumers/c/key-auth/k consumers/c/basic-auth consumers/c/acls/g".split(" "),
  ..."key-auths/k/consumer schemas/services/validate schemas/plugins/validate".split(" "),
];
const MEMBERS = [
  ..."id name host port path url tags protocols paths hosts headers methods snis sources retries".split(" "),
  ..."service route consumer config key ttl username custom_id password group session_id expires data".split(" "),
  ..."enabled instance_name created_at updated_at client_certificate __proto__ constructor toString".split(" "),
];
const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    "",
    "x",
    "a b",
    "\0",
    "😀",
    "key-auth",
    "session",
    "acl",
    "http",
    "//",
    "~/(",
  ],
  ...["http://h:99999999/", "http://[::1", [], {}, [null], [[[]]], ["a", "a"], { id: "x" }, { id: null, name: "s" }],
  ...[{ name: "s" }, { username: "c" }, { name: 1 }, ["http", "tcp"], { secret: {} }, { key_names: { a: 1 } }],
];
const QUERIES = ["", "?size=2", "?tags=%00", "?custom_id=%00", "?offset=WyJhIl0", "?offset=W10"];

const value = fc.oneof(fc.constantFrom(...VALUES), fc.jsonValue({ maxDepth: 3 }));
const input = fc.dictionary(fc.constantFrom(...MEMBERS), value, { maxKeys: 5, noNullPrototype: true });

/** As a client would write it in a form: members of objects by dots. */
function formOf(members: object): string {
  const form = new URLSearchParams();
  for (const [name, member] of Object.entries(members)) {
    if (typeof member !== "object" || member === null) form.append(name, String(member));
    else for (const [inner, text] of Object.entries(member)) form.append(`${name}.${inner}`, String(text));
  }
  return form.toString();
}

test("no input makes the Admin API fail", async (t) => {
  const { call } = await startAdmin(t);
  await call("POST", "/services", "name=s&host=h");
  await call("POST", "/services/s/routes", "name=r&paths[]=/r");
  await call("POST", "/consumers", "username=c");
  await call("POST", "/consumers/c/key-auth", "key=k");
  await call("POST", "/plugins", "name=key-auth&instance_name=p");
  const method = fc.constantFrom("GET", "POST", "PUT", "PATCH");
  const paths = fc.constantFrom(...PATHS);
  await fc.assert(
    fc.asyncProperty(
      method,
      paths,
      fc.constantFrom(...QUERIES),
      input,
      fc.boolean(),
      async (verb, path, query, sent, isForm) => {
        const body = verb === "GET" ? undefined : isForm ? formOf(sent) : sent;
        const { status, text } = await call(verb, `/${path}${query}`, body);
        assert.ok(status < 500, `${status} ${text}`);
      },
    ),
    { seed: 20260806, numRuns: 1200 },
  );
});
