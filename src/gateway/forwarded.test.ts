import assert from "node:assert/strict";
import { test } from "node:test";
import { Headers } from "../http1/index.ts";
import { addressOf, createTrustedPeers, type TrustSettings } from "./forwarded.ts";

const DEFAULTS: TrustSettings = { trusted_ips: [], real_ip_header: "X-Real-IP", real_ip_recursive: false };

interface Case {
  readonly settings?: Partial<TrustSettings>;
  readonly peer?: string;
  readonly tls?: boolean;
  readonly headers?: readonly string[];
  readonly path?: string;
  readonly prefix?: string;
}

function forwarded({ settings, peer = "127.0.0.1", tls = false, headers = [] }: Case) {
  const connection = { remoteAddress: peer, remotePort: 5, localAddress: "127.0.0.1", localPort: 18000, tls };
  const inbound = { connection, headers: new Headers(["Host", "127.0.0.1:18000", ...headers]) };
  return { inbound, facts: addressOf(inbound, createTrustedPeers({ ...DEFAULTS, ...settings })) };
}

function fieldsOf(request: Case): Headers {
  const { inbound, facts } = forwarded(request);
  const fields = new Headers();
  facts.addTo(fields, inbound.headers, request.path ?? "/any", request.prefix);
  return fields;
}

function sent(request: Case): Record<string, string> {
  const { list } = fieldsOf(request);
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]!]] : [])));
}

const SPOOFED = [
  ...["X-Forwarded-For", "1.2.3.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil", "X-Forwarded-Port", "1"],
  ...["X-Forwarded-Path", "/evil", "X-Forwarded-Prefix", "/evil", "X-Real-IP", "9.9.9.9"],
];

test("the upstream is told about the connection, in Kong's order (recorded from Kong Gateway 3.9.3)", () => {
  assert.deepEqual(fieldsOf({ path: "/strip/%20a", prefix: "/strip" }).list, [
    ...["X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "127.0.0.1"],
    ...["X-Forwarded-Port", "18000", "X-Forwarded-Path", "/strip/%20a", "X-Forwarded-Prefix", "/strip"],
    ...["X-Real-IP", "127.0.0.1"],
  ]);
});

test("what a peer that is not trusted says is replaced, and its X-Forwarded-For added to (recorded from Kong Gateway 3.9.3)", () => {
  assert.deepEqual(sent({ headers: SPOOFED, prefix: "/any" }), {
    "X-Forwarded-For": "1.2.3.4, 127.0.0.1",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "127.0.0.1",
    "X-Forwarded-Port": "18000",
    "X-Forwarded-Path": "/any",
    "X-Forwarded-Prefix": "/any",
    "X-Real-IP": "127.0.0.1",
  });
});

test("what a trusted peer says is kept, and its address of the client believed", () => {
  const settings = { trusted_ips: ["127.0.0.0/8"] };
  assert.deepEqual(sent({ settings, headers: SPOOFED, prefix: "/any" }), {
    "X-Forwarded-For": "1.2.3.4, 127.0.0.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Path": "/evil",
    "X-Forwarded-Prefix": "/evil",
    "X-Real-IP": "9.9.9.9",
  });
  const facts = forwarded({ settings, headers: SPOOFED }).facts;
  assert.deepEqual([facts.trusted, facts.scheme, facts.host, facts.clientAddress], [true, "https", "evil", "9.9.9.9"]);
});

test("a trusted peer that says nothing changes nothing", () => {
  const settings = { trusted_ips: ["127.0.0.1"] };
  assert.deepEqual(sent({ settings, tls: true, prefix: "/a" }), sent({ tls: true, prefix: "/a" }));
});

test("without an X-Forwarded-For, it names the client and not the peer", () => {
  const headers = ["X-Real-IP", "9.9.9.9"];
  assert.equal(sent({ settings: { trusted_ips: ["127.0.0.1"] }, headers })["X-Forwarded-For"], "9.9.9.9");
});

test("several lines of X-Forwarded-For become one", () => {
  const headers = ["X-Forwarded-For", "1.1.1.1", "x-forwarded-for", "2.2.2.2, 3.3.3.3"];
  assert.equal(sent({ headers })["X-Forwarded-For"], "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1");
});

test("a prefix is told only when something but the slash is stripped", () => {
  for (const prefix of [undefined, "", "/"]) assert.ok(!("X-Forwarded-Prefix" in sent({ prefix: prefix as string })));
});

test("a line break that a regex matched does not begin a header", () => {
  assert.equal(
    sent({ prefix: "/rx/\r\nX-Consumer-ID: admin" })["X-Forwarded-Prefix"],
    "/rx/%0D%0AX-Consumer-ID:%20admin",
  );
});

const hosts: readonly (readonly [received: string, told: string])[] = [
  ["h.test:8000", "h.test"],
  ["H.Test", "h.test"],
  ["h.test.", "h.test"],
  ["[::1]:8000", "[::1]"],
  ["[::1]", "[::1]"],
];

for (const [received, told] of hosts) {
  test(`the host of ${received} is ${told}`, () => {
    const connection = { remoteAddress: "::1", remotePort: 5, localAddress: "::1", localPort: 80, tls: true };
    const facts = addressOf({ connection, headers: new Headers(["Host", received]) }, createTrustedPeers(DEFAULTS));
    assert.deepEqual([facts.host, facts.port, facts.scheme], [told, "80", "https"]);
  });
}

test("a request without Host tells no host", () => {
  const connection = { remoteAddress: "::1", remotePort: 5, localAddress: "::1", localPort: 80, tls: false };
  const headers = new Headers();
  const facts = addressOf({ connection, headers }, createTrustedPeers(DEFAULTS));
  const fields = new Headers();
  facts.addTo(fields, headers, "/", undefined);
  assert.equal(facts.host, "");
  assert.ok(!fields.has("x-forwarded-host"));
});

const trust: readonly (readonly [networks: readonly string[], address: string, trusted: boolean])[] = [
  [[], "127.0.0.1", false],
  [["127.0.0.1"], "127.0.0.1", true],
  [["127.0.0.1"], "127.0.0.2", false],
  [["10.0.0.0/8"], "10.255.1.2", true],
  [["10.0.0.0/8"], "11.0.0.1", false],
  [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
  [["fd00::/8"], "fd12::1", true],
  [["fd00::/8"], "fe12::1", false],
  [["::1"], "0:0:0:0:0:0:0:1", true],
  [["0.0.0.0/0"], "8.8.8.8", true],
  [["0.0.0.0/0"], "::1", false],
  [["0.0.0.0/0", "::/0"], "2001:db8::1", true],
  [["unix:"], "127.0.0.1", false],
  [["0.0.0.0/0", "::/0"], "unknown", false],
  [["0.0.0.0/0", "::/0"], "", false],
];

for (const [networks, address, trusted] of trust) {
  test(`with trusted_ips ${networks.join(", ") || "empty"}, ${address || "no address"} is ${trusted ? "" : "not "}trusted`, () => {
    assert.equal(createTrustedPeers({ ...DEFAULTS, trusted_ips: networks }).trusts(address), trusted);
  });
}

for (const network of [
  "10.0.0.0/33",
  "10.0.0.0/",
  "10.0.0.0/x",
  "10.0.0/8",
  "::/129",
  "localhost",
  "",
  "10.0.0.0/8/8",
]) {
  test(`trusted_ips with '${network}' is refused`, () => {
    assert.throws(() => createTrustedPeers({ ...DEFAULTS, trusted_ips: [network] }), /trusted_ips: /);
  });
}

test("the PROXY protocol is refused by name", () => {
  assert.throws(
    () => createTrustedPeers({ ...DEFAULTS, real_ip_header: "proxy_protocol" }),
    /real_ip_header: proxy_protocol/,
  );
});

/** The peer is 10.0.0.1, and 10.0.0.0/8 is trusted. */
const clients: readonly (readonly [header: string, recursive: boolean, values: readonly string[], client: string])[] = [
  ["X-Real-IP", false, ["1.2.3.4"], "1.2.3.4"],
  ["X-Real-IP", false, ["1.2.3.4:555"], "1.2.3.4"],
  ["X-Real-IP", false, ["2001:db8::7"], "2001:db8::7"],
  ["X-Real-IP", false, ["[2001:db8::7]:80"], "2001:db8::7"],
  ["X-Real-IP", false, [], "10.0.0.1"],
  ["X-Real-IP", false, [""], "10.0.0.1"],
  ["X-Real-IP", false, ["unknown"], "10.0.0.1"],
  ["X-Real-IP", false, ["1.2.3"], "10.0.0.1"],
  ["X-Real-IP", false, ["fe80::1%eth0"], "10.0.0.1"],
  ["X-Forwarded-For", false, ["6.6.6.6, 1.2.3.4"], "1.2.3.4"],
  ["X-Forwarded-For", false, ["6.6.6.6", "1.2.3.4"], "1.2.3.4"],
  ["X-Forwarded-For", false, ["6.6.6.6, 10.0.0.2"], "10.0.0.2"],
  ["X-Forwarded-For", true, ["6.6.6.6, 1.2.3.4, 10.0.0.3, 10.0.0.2"], "1.2.3.4"],
  ["X-Forwarded-For", true, ["6.6.6.6,1.2.3.4", "10.0.0.3 , 10.0.0.2 ,"], "1.2.3.4"],
  ["X-Forwarded-For", true, ["10.0.0.4, 10.0.0.2"], "10.0.0.4"],
  ["X-Forwarded-For", true, ["1.2.3.4, nonsense, 10.0.0.2"], "10.0.0.2"],
  ["X-Forwarded-For", true, [", ,"], "10.0.0.1"],
];

for (const [header, recursive, values, client] of clients) {
  test(`${header} [${values.join(" | ")}]${recursive ? ", recursive," : ""} names ${client}`, () => {
    const settings = { trusted_ips: ["10.0.0.0/8"], real_ip_header: header, real_ip_recursive: recursive };
    const headers = values.flatMap((value) => [header, value]);
    assert.equal(forwarded({ settings, peer: "10.0.0.1", headers }).facts.clientAddress, client);
    assert.equal(forwarded({ settings, peer: "8.8.8.8", headers }).facts.clientAddress, "8.8.8.8");
  });
}

test("a list as long as a head can hold is read in linear time", () => {
  const settings = { trusted_ips: ["10.0.0.0/8"], real_ip_header: "X-Forwarded-For", real_ip_recursive: true };
  const started = performance.now();
  for (const part of ["10.0.0.2,", ",", " ", "1", "[", "10.0.0.2:1,"]) {
    forwarded({
      settings,
      peer: "10.0.0.1",
      headers: ["X-Forwarded-For", `x${part.repeat(48_000 / part.length)}`.trim()],
    });
  }
  assert.ok(performance.now() - started < 500);
});

test("requests of one connection tell of their own hosts and addresses", () => {
  const connection = { remoteAddress: "8.8.8.8", remotePort: 5, localAddress: "127.0.0.1", localPort: 80, tls: false };
  const peers = createTrustedPeers(DEFAULTS);
  const told = (list: readonly string[]) => {
    const headers = new Headers(list);
    const fields = new Headers();
    const facts = addressOf({ connection, headers }, peers);
    facts.addTo(fields, headers, "/", undefined);
    return [facts.host, fields.get("x-forwarded-host"), fields.get("x-forwarded-for")];
  };
  assert.deepEqual(told(["Host", "a.test"]), ["a.test", "a.test", "8.8.8.8"]);
  assert.deepEqual(told(["Host", "a.test", "X-Forwarded-For", "1.1.1.1"]), ["a.test", "a.test", "1.1.1.1, 8.8.8.8"]);
  assert.deepEqual(told(["Host", "b.test:80"]), ["b.test", "b.test", "8.8.8.8"]);
  assert.deepEqual(told([]), ["", undefined, "8.8.8.8"]);
  assert.deepEqual(told(["Host", "a.test"]), ["a.test", "a.test", "8.8.8.8"]);
});

test("connections of one peer share what they tell, and no others do", () => {
  const trusting = { ...DEFAULTS, trusted_ips: ["10.0.0.0/8"] };
  const peers = createTrustedPeers(trusting);
  const told = (remoteAddress: string, host: string, localPort = 80, tls = false) => {
    const connection = { remoteAddress, remotePort: 5, localAddress: "127.0.0.1", localPort, tls };
    const headers = new Headers(["Host", host, "X-Forwarded-Proto", remoteAddress]);
    const facts = addressOf({ connection, headers }, peers);
    const { clientAddress, scheme, port, hostField } = facts;
    assert.deepEqual(
      { clientAddress, scheme, port, hostField },
      {
        clientAddress: remoteAddress,
        scheme: facts.trusted ? remoteAddress : tls ? "https" : "http",
        port: String(localPort),
        hostField: host,
      },
    );
    return facts;
  };
  const kinds: readonly (readonly [peer: string, host: string, port?: number, tls?: boolean])[] = [
    ["8.8.8.8", "a.test"],
    ["8.8.8.9", "a.test"],
    ["8.8.8.8", "b.test"],
    ["8.8.8.8", "a.test", 81],
    ["8.8.8.8", "a.test", 80, true],
  ];
  const facts = kinds.map((kind) => told(...kind));
  assert.equal(new Set(facts).size, kinds.length);
  assert.equal(new Set([...facts, ...kinds.map((kind) => told(...kind))]).size, kinds.length);
  assert.notEqual(told("10.0.0.1", "a.test"), told("10.0.0.1", "a.test"));
  const long = `${"x".repeat(300)}.test`;
  assert.notEqual(told("8.8.8.8", long), told("8.8.8.8", long));
  for (let i = 0; i < 2000; i += 1) told("8.8.8.8", `${i}.test`);
  assert.equal(peers.known.size, 1000);
});
