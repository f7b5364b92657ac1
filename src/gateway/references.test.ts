import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Fields } from "../schema/index.ts";
import { resolveReferences } from "./references.ts";

const text = { type: "string", description: "A text." } as const;
const secret = { ...text, referenceable: true } as const;
const fields: Fields = {
  plain: text,
  secret,
  list: { type: "array", elements: secret, description: "Texts." },
  server: { type: "record", fields: { password: secret, host: text }, description: "A server." },
};
const env = { MY_SECRET: "s3cret", ACCOUNTS: '{"redis":"r","deep":{"a":1}}', EMPTY: "" };

test("references are replaced wherever a setting may have one", () => {
  const config = {
    plain: "{vault://env/MY_SECRET}",
    secret: "{vault://env/my-secret}",
    list: ["a", "{vault://env/ACCOUNTS/redis}"],
    server: { password: "{vault://env/MY_SECRET}", host: "{vault://env/MY_SECRET}" },
    unknown: 1,
  };
  assert.deepEqual(resolveReferences(fields, config, env), {
    config: {
      plain: "{vault://env/MY_SECRET}",
      secret: "s3cret",
      list: ["a", "r"],
      server: { password: "s3cret", host: "{vault://env/MY_SECRET}" },
      unknown: 1,
    },
    faults: [],
  });
});

test("a file's text is a secret without its last line end", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sesame-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "secret");
  writeFileSync(file, "from a file\n");
  const { config } = resolveReferences(fields, { secret: `{vault://file${file}}` }, env);
  assert.equal(config["secret"], "from a file");
});

const broken: readonly [reference: string, why: RegExp][] = [
  ["{vault://env/MISSING}", /the environment variable MISSING is not set/],
  ["{vault://env/EMPTY}", /the environment variable EMPTY is not set/],
  ["{vault://env/MY_SECRET/key}", /MY_SECRET is no JSON object with a text key/],
  ["{vault://env/ACCOUNTS/deep}", /ACCOUNTS is no JSON object with a text deep/],
  ["{vault://env/ACCOUNTS/toString}", /no JSON object with a text toString/],
  ["{vault://file/does/not/exist}", /\/does\/not\/exist cannot be read \(ENOENT\)/],
  ["{vault://file/tmp}", /\/tmp cannot be read \(EISDIR\)/],
  ["{vault://hcv/secret/key}", /there is no vault hcv; there are env and file/],
];

test("a reference that leads nowhere is named, with the setting and the reason", () => {
  for (const [reference, why] of broken) {
    const { config, faults } = resolveReferences(fields, { list: ["a", reference] }, env);
    assert.deepEqual(config["list"], ["a", null], reference);
    assert.ok(faults[0]!.startsWith(`config.list[2]: the reference ${reference} leads nowhere: `), faults[0]);
    assert.match(faults[0]!, why);
  }
});
