import assert from "node:assert/strict";
import { test } from "node:test";
import { type Entity, EntityError, parse } from "../schema/index.ts";
import { networkFault, parseAddress } from "./address.ts";
import { consumer } from "./consumer.ts";
import { normalizePath } from "./path.ts";
import { createPluginEntity } from "./plugin.ts";
import { createRouteEntity, route } from "./route.ts";
import { service } from "./service.ts";

/** The fields of the fault that a row has; undefined when it has none. */
function faultsOf(entity: Entity, input: object): unknown {
  try {
    parse(entity, input as never, 1000);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof EntityError, String(error));
    return error.fields;
  }
}

const urls: [url: string, protocol: string, host: string | null, port: unknown, path: string | null][] = [
  ["http://httpbin.konghq.com/", "http", "httpbin.konghq.com", 80, "/"],
  ["http://httpbin.konghq.com", "http", "httpbin.konghq.com", 80, null],
  ["https://example.com:8443/x/y", "https", "example.com", 8443, "/x/y"],
  ["https://example.com", "https", "example.com", 443, null],
  ["http://user:pw@example.com/a?b=c#d", "http", "example.com", 80, "/a"],
  ["http://[::1]:81/a", "http", "::1", 81, "/a"],
  ["//example.com:443", "https", "example.com", 443, null],
  ["//example.com", "http", "example.com", 80, null],
  ["grpc://example.com", "grpc", "example.com", 80, null],
  ["example.com", "http", null, 80, "example.com"],
  ["http://h:port", "http", "h", "port", null],
];

for (const [url, protocol, host, port, path] of urls) {
  test(`the url ${url} is taken apart`, () => {
    const { id: _, ...parts } = service.shorthand_fields.url.expand(url);
    assert.deepEqual(parts, { protocol, host, port, path });
  });
}

const reserved = "(characters outside of the reserved list of RFC 3986 found)";
const services: [input: object, faults: unknown][] = [
  [{ host: "h" }, undefined],
  [{ url: "http://h:0/" }, undefined],
  [{ host: "h", name: "dienst-größe_1.~" }, undefined],
  [{}, { host: "required field missing" }],
  [{ url: "nohost" }, { host: "required field missing", path: "should start with: /" }],
  [{ url: 7 }, { url: "expected a string" }],
  [{ host: "h:80" }, { host: "must not have a port" }],
  [{ host: "a b" }, { host: "invalid value: a b" }],
  [{ host: "1.2.3" }, { host: "invalid value: 1.2.3" }],
  [{ host: "h", path: "/a//b" }, { path: "must not have empty segments" }],
  [{ host: "h", path: "/%zz" }, { path: "invalid url-encoded value: '%zz'" }],
  [{ host: "h", path: "/ä" }, { path: `invalid path: '/ä' ${reserved}` }],
  [{ host: "h", port: 65536 }, { port: "value should be between 0 and 65535" }],
  [{ host: "h", connect_timeout: 0 }, { connect_timeout: "value should be between 1 and 2147483646" }],
  [{ host: "h", retries: null }, undefined],
  [{ host: "h", port: null }, { port: "required field missing" }],
  [{ host: "h", id: "x" }, { id: "expected a valid UUID" }],
  [
    { host: "h", protocol: "grpc", path: "/" },
    { path: "value must be null", "@entity": ["failed conditional validation given value of field 'protocol'"] },
  ],
  [
    { host: "h", tls_verify: true },
    { tls_verify: "value must be null", "@entity": ["failed conditional validation given value of field 'protocol'"] },
  ],
  [{ host: "h", protocol: "https", tls_verify: true }, undefined],
  [
    { host: "h", protocol: "ftp" },
    { protocol: "expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp" },
  ],
  [
    { host: "h", ca_certificates: ["x"] },
    {
      ca_certificates: "value must be null",
      "@entity": ["failed conditional validation given value of field 'protocol'"],
    },
  ],
];

for (const [input, faults] of services) {
  test(`a service ${JSON.stringify(input)} is ${faults ? "refused" : "right"}`, () => {
    assert.deepEqual(faultsOf(service, input), faults);
  });
}

const needed = "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'";
const routes: [input: object, faults: unknown][] = [
  [{ paths: ["/"] }, undefined],
  [{ paths: ["~/a/(?<x>\\d+)$"] }, undefined],
  [{ hosts: ["*.example.com", "example.*", "example.com:8000", "[::1]"] }, undefined],
  [{ headers: { "x-a": ["1"] } }, undefined],
  [{ snis: ["*.example.com"] }, undefined],
  [{}, { "@entity": [needed] }],
  [{ paths: [] }, { "@entity": [needed] }],
  [
    { protocols: ["http"], snis: ["a"] },
    {
      snis: "length must be 0",
      "@entity": [
        "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
        "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'",
      ],
    },
  ],
  [{ paths: ["a"] }, { paths: ["should start with: / (fixed path) or ~/ (regex path)"] }],
  [{ paths: ["/ok", "/a//b"] }, { paths: [null, "must not have empty segments"] }],
  [{ paths: ["/a/../b"] }, { paths: ["non-normalized path, consider use '/b' instead"] }],
  [{ paths: ["/%41"] }, { paths: ["non-normalized path, consider use '/A' instead"] }],
  [{ paths: ["/%2f"] }, { paths: ["non-normalized path, consider use '/%2F' instead"] }],
  [{ paths: ["/%zz"] }, { paths: ["invalid url-encoded value: '%zz'"] }],
  [{ paths: ["/c1,/c2", "/ä"] }, undefined],
  [{ hosts: ["a.*.b"] }, { hosts: ["invalid wildcard: must be placed at leftmost or rightmost label"] }],
  [{ hosts: ["*.a.*"] }, { hosts: ["invalid wildcard: must have at most one wildcard"] }],
  [{ hosts: ["a b"] }, { hosts: ["invalid hostname: a b"] }],
  [{ methods: ["get"] }, { methods: ["invalid value: get"] }],
  [
    { headers: { Host: ["a"] } },
    { headers: "cannot contain 'host' header, which must be specified in the 'hosts' attribute" },
  ],
  [
    { headers: { "x y": ["a"] } },
    { headers: "bad header name 'x y', allowed characters are A-Z, a-z, 0-9, '_', and '-'" },
  ],
  [
    { paths: ["/"], sources: [{ ip: "1.2.3.4" }] },
    { sources: "cannot set 'sources' when 'protocols' is 'http' or 'https'" },
  ],
  [{ paths: ["/"], expression: "x" }, { expression: "unknown field" }],
  [
    { protocols: ["http", "tcp"], paths: ["/"] },
    { protocols: "these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp')" },
  ],
  [
    { protocols: ["tcp"], paths: ["/"] },
    {
      paths: "cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'",
      "@entity": ["must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"],
    },
  ],
  [{ protocols: ["tcp"], sources: [{ ip: "10.0.0.0/8", port: 1 }] }, undefined],
  [
    { protocols: ["tcp"], sources: [{}] },
    { sources: [{ "@entity": ["at least one of these fields must be non-empty: 'ip', 'port'"] }] },
  ],
  [{ protocols: ["tcp"], sources: [{ ip: "x" }] }, { sources: [{ ip: "invalid ip or cidr range: 'x'" }] }],
  [
    { protocols: ["grpc"], paths: ["/"], strip_path: true },
    { strip_path: "cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'" },
  ],
  [{ protocols: ["tls_passthrough"] }, { "@entity": ["must set snis when 'protocols' is 'tls_passthrough'"] }],
  [{ protocols: [], paths: ["/"] }, { protocols: "unknown type: nil" }],
];

for (const [input, faults] of routes) {
  test(`a route ${JSON.stringify(input)} is ${faults ? "refused" : "right"}`, () => {
    assert.deepEqual(faultsOf(route, input), faults);
  });
}

test("a grpc route keeps its path by default", () => {
  const row = parse(route, { protocols: ["grpc"], paths: ["/"] }, 1000);
  assert.equal(row["strip_path"], false);
});

test("the gateway's own engine judges the regular expressions of routes", () => {
  const strict = createRouteEntity((pattern) => (pattern.includes("(?=") ? "there is no look-ahead" : undefined));
  assert.deepEqual(faultsOf(strict, { paths: ["~/a(?=b)"] }), {
    paths: ["invalid regex: '/a(?=b)' (there is no look-ahead)"],
  });
});

const tagRule = "expected printable ascii (except `,` and `/`) or valid utf-8 sequences";
const consumers: [input: object, faults: unknown][] = [
  [{ username: "any thing / at all" }, undefined],
  [{ custom_id: "1" }, undefined],
  [{ username: "a", tags: ["größe", "with blank"] }, undefined],
  [{}, { "@entity": ["at least one of these fields must be non-empty: 'custom_id', 'username'"] }],
  [
    { username: "" },
    {
      username: "length must be at least 1",
      "@entity": ["at least one of these fields must be non-empty: 'custom_id', 'username'"],
    },
  ],
  [{ username: "a", tags: ["x,y"] }, { tags: [`invalid tag 'x,y': ${tagRule}`] }],
  [{ username: "a", tags: ["x\ny"] }, { tags: [`invalid tag 'x\ny': ${tagRule}`] }],
  [{ username: "a", tags: "x" }, { tags: "expected a set" }],
  [
    { username: ["a"] },
    {
      username: "expected a string",
    },
  ],
];

for (const [input, faults] of consumers) {
  test(`a consumer ${JSON.stringify(input)} is ${faults ? "refused" : "right"}`, () => {
    assert.deepEqual(faultsOf(consumer, input), faults);
  });
}

const plugin = createPluginEntity([
  {
    name: "auth",
    config: {
      names: { type: "array", elements: { type: "string" }, required: true, default: ["key"], description: "" },
    },
    noConsumer: true,
  },
  {
    name: "groups",
    config: {
      allow: { type: "array", elements: { type: "string" }, description: "" },
      deny: { type: "array", elements: { type: "string" }, description: "" },
    },
    checks: [{ only_one_of: ["config.allow", "config.deny"] }, { at_least_one_of: ["config.allow", "config.deny"] }],
  },
  {
    name: "answer",
    config: { status: { type: "integer", default: 503, required: true, description: "" } },
    check: ({ status }) => (status === 99 ? "99 is no status" : undefined),
  },
]);
const someone = { id: "0e3b8cde-3f2b-4d7f-8f4e-2a8d0a9b1c2d" };
const plugins: [input: object, faults: unknown][] = [
  [{ name: "auth" }, undefined],
  [{ name: "answer", consumer: someone }, undefined],
  [{}, { name: "required field missing" }],
  [{ name: "nope", foo: 1 }, { name: "plugin 'nope' not enabled; add it to the 'plugins' configuration property" }],
  [{ name: "auth", consumer: someone }, { consumer: "value must be null" }],
  [
    { name: "auth", config: { names: [5], other: 1 } },
    { config: { names: ["expected a string"], other: "unknown field" } },
  ],
  [{ name: "auth", config: "x" }, { config: "expected a record" }],
  [{ name: "auth", protocols: ["tcp"] }, { protocols: ["expected one of: grpc, grpcs, http, https"] }],
  [{ name: "answer", config: { status: 99 } }, { config: "99 is no status" }],
  [
    { name: "groups" },
    {
      "@entity": [
        "exactly one of these fields must be non-empty: 'config.allow', 'config.deny'",
        "at least one of these fields must be non-empty: 'config.allow', 'config.deny'",
      ],
    },
  ],
  [
    { name: "groups", config: { allow: ["a"], deny: ["b"] } },
    {
      "@entity": ["exactly one of these fields must be non-empty: 'config.allow', 'config.deny'"],
    },
  ],
  [{ name: "groups", config: { allow: ["a"] } }, undefined],
];

for (const [input, faults] of plugins) {
  test(`a plugin ${JSON.stringify(input)} is ${faults ? "refused" : "right"}`, () => {
    assert.deepEqual(faultsOf(plugin, input), faults);
  });
}

const addresses: [text: string, parsed: ReturnType<typeof parseAddress>][] = [
  ["example.com", { type: "name", host: "example.com" }],
  ["example.com.", { type: "name", host: "example.com." }],
  ["example.com:80", { type: "name", host: "example.com", port: 80 }],
  ["example.com:99999", "invalid port number"],
  ["exa mple", "invalid hostname: exa mple"],
  ["a..b", "invalid hostname: a..b"],
  ["a-.b", "invalid hostname: a-.b"],
  ["", "invalid hostname: "],
  ["001.2.3.4", { type: "ipv4", host: "1.2.3.4" }],
  ["1.2.3.4:80", { type: "ipv4", host: "1.2.3.4", port: 80 }],
  ["1.2.3.256", "invalid ipv4 address: 1.2.3.256"],
  ["::1", { type: "ipv6", host: "0000:0000:0000:0000:0000:0000:0000:0001" }],
  ["[2001:DB8::1]:443", { type: "ipv6", host: "2001:0db8:0000:0000:0000:0000:0000:0001", port: 443 }],
  ["[::1]:99999", "invalid port number"],
  ["1::2::3", "invalid ipv6 address: 1::2::3"],
  ["[::1", "invalid ipv6 address: [::1"],
];

for (const [text, parsed] of addresses) {
  test(`the address ${JSON.stringify(text)} is ${JSON.stringify(parsed)}`, () =>
    assert.deepEqual(parseAddress(text), parsed));
}

const networks: [text: string, right: boolean][] = [
  ["10.0.0.1", true],
  ["10.0.0.0/8", true],
  ["::/0", true],
  ["10.0.0.0/33", false],
  ["10.0.0.0/08", false],
  ["10.0.0.0/8/8", false],
  ["10.0.0/8", false],
];

for (const [text, right] of networks) {
  test(`${text} is ${right ? "a" : "no"} network`, () => assert.equal(networkFault(text) === undefined, right));
}

const paths: [path: string, normal: string][] = [
  ["/", "/"],
  ["/a/", "/a/"],
  ["/a/./b", "/a/b"],
  ["/a/..", "/"],
  ["/a/.", "/a/"],
  ["/../..//a", "/a"],
  ["/%7Euser", "/~user"],
  ["/%2E%2e/a", "/a"],
  ["/%c3%a9", "/é"],
  ["/a%2fb", "/a%2Fb"],
];

for (const [path, normal] of paths) {
  test(`the path ${path} is ${normal}`, () => assert.equal(normalizePath(path), normal));
}
