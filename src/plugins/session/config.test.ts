import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSubschema } from "../../entities/index.ts";
import { EntityError, type Fields, parse } from "../../schema/index.ts";
import { createSessions } from "../../session/index.ts";
import { type Config, config, randomSecret, usesSesame } from "./config.ts";
import { engineOptions } from "./engine-options.ts";
import { session } from "./index.ts";

const { fields } = createSubschema(session);

/** The settings that are stored when these are sent. */
function configured(input: object): Config {
  return parse({ fields }, { config: input, protocols: ["http"] }, 0)["config"] as Config;
}

function faultsOf(input: object): unknown {
  try {
    configured(input);
  } catch (error) {
    if (error instanceof EntityError) return error.fields;
    throw error;
  }
}

describe("the settings of the session plugin", () => {
  it("have Kong's order and defaults", () => {
    const { secret, ...rest } = configured({});
    assert.equal(secret, config.secret.default);
    assert.deepEqual(Object.entries(rest), [
      ["storage", "cookie"],
      ["audience", "default"],
      ["idling_timeout", 900],
      ["rolling_timeout", 3600],
      ["absolute_timeout", 86_400],
      ["stale_ttl", 10],
      ["cookie_name", "session"],
      ["cookie_path", "/"],
      ["cookie_domain", null],
      ["cookie_same_site", "Strict"],
      ["cookie_http_only", true],
      ["cookie_secure", true],
      ["remember", false],
      ["remember_cookie_name", "remember"],
      ["remember_rolling_timeout", 604_800],
      ["remember_absolute_timeout", 2_592_000],
      ["response_headers", null],
      ["request_headers", null],
      ["read_body_for_logout", false],
      ["logout_methods", ["POST", "DELETE"]],
      ["logout_query_arg", "session_logout"],
      ["logout_post_arg", "session_logout"],
    ]);
  });

  it("show what is newer than Kong 3.9 only when it was set", () => {
    assert.equal(configured({ store_metadata: true }).store_metadata, true);
    assert.equal(configured({ hash_subject: false }).hash_subject, false);
    assert.equal(configured({ legacy_secret: "x" }).legacy_secret, "x");
  });

  const translations: readonly [input: object, stored: Partial<Config>][] = [
    [{ cookie_lifetime: 1800 }, { rolling_timeout: 1800 }],
    [{ cookie_idletime: 600 }, { idling_timeout: 600 }],
    [{ cookie_idletime: null }, { idling_timeout: 0 }],
    [{ cookie_renew: 60 }, { rolling_timeout: 3600, idling_timeout: 900 }],
    [{ cookie_discard: 7 }, { stale_ttl: 7 }],
    [{ cookie_samesite: "None" }, { cookie_same_site: "None" }],
    [{ cookie_samesite: "off" }, { cookie_same_site: "Lax" }],
    [{ cookie_httponly: false }, { cookie_http_only: false }],
    [{ cookie_persistent: true }, { remember: true }],
    [{ cookie_lifetime: 1, rolling_timeout: 2 }, { rolling_timeout: 1 }],
  ];
  for (const [input, stored] of translations) {
    it(`turn ${JSON.stringify(input)} into ${JSON.stringify(stored)}`, () => {
      const row: Record<string, unknown> = { ...configured(input) };
      for (const [name, value] of Object.entries(stored)) assert.equal(row[name], value);
      for (const name of Object.keys(session.shorthand_fields ?? {})) assert.ok(!(name in row));
    });
  }

  const refusals: readonly [input: object, faults: object][] = [
    [{ file: { prefix: "a/b" } }, { file: { prefix: "must not have a slash" } }],
    [{ mysql: { table: "a;b" } }, { mysql: { table: "must be a name, with a schema or without" } }],
    [{ postgres: { table_meta: "a b" } }, { postgres: { table_meta: "must be a name, with a schema or without" } }],
    [
      { storage: "etcd" },
      { storage: "expected one of: cookie, kong, memory, file, redis, memcached, mysql, postgres, cassandra" },
    ],
    [{ redis: { port: 0 } }, { redis: { port: "value should be between 1 and 65535" } }],
    [{ redis: { sentinels: [{ host: "a" }] } }, { redis: { sentinels: [{ port: "required field missing" }] } }],
    [{ mysql: { keepalive: true } }, { mysql: { keepalive: "unknown field" } }],
    [{ secret_fallbacks: Array(9).fill("x") }, { secret_fallbacks: "length must be at most 8" }],
    [{ bind: ["host"] }, { bind: ["expected one of: ip, scheme, user-agent"] }],
    [{ touch_threshold: -1 }, { touch_threshold: "value should be between 0 and 34560000" }],
    [{ sessions_path: "/a b", revocation: true }, { sessions_path: "must be a plain path" }],
    [
      { logout_redirect: "//evil.test" },
      { logout_redirect: "must be a path, or a URL that begins with http:// or https://" },
    ],
    [{ cookie_same_site: "off" }, { cookie_same_site: "expected one of: Strict, Lax, None, Default" }],
    [{ logout_methods: ["GET", "PUT"] }, { logout_methods: [null, "expected one of: GET, POST, DELETE"] }],
    [{ cookie_name: "a b" }, { cookie_name: "has a character that cookies do not allow" }],
    [{ cookie_path: "/\r\nX: y" }, { cookie_path: "has a character that cookies do not allow" }],
    [{ cookie_domain: "a;b" }, { cookie_domain: "has a character that cookies do not allow" }],
    [{ legacy_storage: "redis" }, { legacy_storage: "expected one of: cookie, kong" }],
    [{ cookie_whatever: 1 }, { cookie_whatever: "unknown field" }],
  ];
  for (const [input, faults] of refusals) {
    it(`refuse ${JSON.stringify(input)}`, () => assert.deepEqual(faultsOf(input), { config: faults }));
  }

  it("take redis.cluster_nodes for redis.nodes", () => {
    const nodes = [{ ip: "a", port: 1 }];
    for (const redis of [{ cluster_nodes: nodes }, { cluster_nodes: nodes, nodes }, { cluster_nodes: null, nodes }]) {
      assert.deepEqual(configured({ redis }).redis, { nodes });
    }
    assert.deepEqual(configured({ redis: { host: "r", cluster_nodes: null } }).redis, { host: "r" });
    const faults: readonly [redis: object, fault: unknown][] = [
      [{ nodes, cluster_nodes: [{ ip: "b", port: 1 }] }, "must be the same list as nodes when both are set"],
      [{ cluster_nodes: "a:1" }, "expected an array"],
      [{ cluster_nodes: [{ ip: "a" }] }, [{ port: "required field missing" }]],
    ];
    for (const [redis, fault] of faults) assert.deepEqual(faultsOf({ redis }), { cluster_nodes: fault });
    assert.deepEqual(faultsOf({ redis: { cluster_nodes: [] } }), {
      config: { redis: { nodes: "length must be at least 1" } },
    });
  });

  it("refuse two cookies of one name", () => {
    const faults = { config: "remember_cookie_name must differ from cookie_name" };
    assert.deepEqual(faultsOf({ cookie_name: "Remember" }), faults);
  });

  const contradictions: readonly [input: object, fault: string][] = [
    [{ cookie_prefix: "__Host-", cookie_domain: "example.com" }, "cookie_prefix __Host- needs cookie_path /"],
    [{ cookie_prefix: "__Host-", cookie_path: "/a" }, "cookie_prefix __Host- needs cookie_path /"],
    [{ cookie_partitioned: true, cookie_secure: false }, "cookie_partitioned needs cookie_secure"],
    [{ sessions_path: "/mine" }, "sessions_path needs revocation"],
    [{ revocation_storage: "file" }, "revocation_storage needs revocation"],
    [{ max_sessions: 3, revocation: false }, "max_sessions needs revocation"],
  ];
  for (const [input, fault] of contradictions) {
    it(`refuse ${JSON.stringify(input)}`, () => {
      const { config: found } = faultsOf(input) as { config: string };
      assert.ok(found.startsWith(fault), found);
    });
  }

  it("keep of what Kong has not only what was set", () => {
    const sent = { redis: { host: "r", sentinels: [{ host: "s", port: 1 }] }, bind: ["ip"], require: false };
    const { redis, bind, require, ...rest } = configured({ storage: "redis", ...sent });
    assert.deepEqual({ redis, bind, require }, sent);
    const others = Object.keys(rest).filter((name) => (config as Fields)[name]!.newer);
    assert.deepEqual(others, []);
    assert.equal(configured({ memory: null, bind: null }).memory, undefined);
  });

  const kinds: readonly [input: object, isSesame: boolean][] = [
    [{}, false],
    [{ storage: "kong", store_metadata: true, hash_subject: true }, false],
    [{ storage: "memory" }, true],
    [{ require: false }, true],
    [{ secret_fallbacks: [] }, true],
  ];
  for (const [input, isSesame] of kinds) {
    it(`are ${isSesame ? "" : "not "}beyond Kong's: ${JSON.stringify(input)}`, () => {
      assert.equal(usesSesame(configured(input)), isSesame);
    });
  }

  it("never have a consumer", () => {
    assert.throws(
      () =>
        parse(
          { fields },
          { consumer: { id: "c0000000-0000-4000-8000-000000000001" }, config: {}, protocols: ["tcp"] },
          0,
        ),
      { message: "schema violation (consumer: value must be null)" },
    );
  });
});

describe("the engine's options", () => {
  const rounded: readonly [input: object, options: object][] = [
    [
      { idling_timeout: 0.5, rolling_timeout: 10.2 },
      { idling_timeout: 1, rolling_timeout: 11 },
    ],
    [
      { idling_timeout: 0, absolute_timeout: -5 },
      { idling_timeout: 0, absolute_timeout: 1 },
    ],
    [
      { rolling_timeout: null, stale_ttl: -1 },
      { rolling_timeout: null, stale_ttl: 0 },
    ],
    [
      { remember_rolling_timeout: 1e300, stale_ttl: 1e300 },
      { remember_rolling_timeout: Number.MAX_SAFE_INTEGER, stale_ttl: 34_560_000 },
    ],
    [{ secret: null }, { secret: null }],
    [
      { touch_threshold: 5, compression_threshold: 0 },
      { touch_threshold: 5, compression_threshold: 0 },
    ],
    [
      { cookie_prefix: "__Host-", cookie_priority: "High", cookie_partitioned: true, remember_safety: "Low" },
      { cookie_prefix: "__Host-", cookie_priority: "High", cookie_partitioned: true, remember_safety: "Low" },
    ],
    [
      { hash_storage_key: true, enforce_same_subject: true },
      { hash_storage_key: true, enforce_same_subject: true },
    ],
  ];
  for (const [input, expected] of rounded) {
    it(`are ${JSON.stringify(expected)} for ${JSON.stringify(input)}`, () => {
      const options: Record<string, unknown> = { ...engineOptions(configured(input)) };
      for (const [name, value] of Object.entries(expected)) assert.equal(options[name], value);
      createSessions(options);
    });
  }

  const older: readonly [input: object, legacy: object | null][] = [
    [{}, null],
    [{ legacy_secret: "x" }, { secret: "x", storage: "cookie", strategy: "default" }],
    [
      { legacy_secret: "x", storage: "kong" },
      { secret: "x", storage: "kong", strategy: "regenerate" },
    ],
    [
      { legacy_secret: "x", legacy_storage: "kong" },
      { secret: "x", storage: "kong", strategy: "regenerate" },
    ],
    [
      { legacy_secret: "x", storage: "kong", legacy_storage: "cookie" },
      { secret: "x", storage: "cookie", strategy: "default" },
    ],
  ];
  for (const [input, legacy] of older) {
    it(`read older cookies with ${JSON.stringify(legacy)} for ${JSON.stringify(input)}`, () => {
      assert.deepEqual(engineOptions(configured(input)).legacy, legacy);
    });
  }

  it("are accepted by the engine for settings that are all null", () => {
    const nulls = Object.fromEntries(Object.keys(config).map((name) => [name, null]));
    createSessions(engineOptions(configured(nulls)));
  });
});

it("a random secret has 44 letters and digits, and is not made twice", () => {
  const secrets = new Set(Array.from({ length: 200 }, randomSecret));
  assert.equal(secrets.size, 200);
  for (const secret of secrets) assert.match(secret, /^[0-9A-Za-z]{43}[a-z]$/);
});
