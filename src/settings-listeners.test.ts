import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, parseListeners } from "./settings-listeners.ts";

test("listeners are read in Kong's syntax", () => {
  const rows: [text: string, listeners: string[]][] = [
    ["off", []],
    [" off ", []],
    ["127.0.0.1:8001", ["127.0.0.1:8001"]],
    [
      "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384",
      ["0.0.0.0:8000 backlog=16384", "0.0.0.0:8443 ssl http2 backlog=16384"],
    ],
    ["[::]:8000 ipv6only=on deferred bind so_keepalive=30m::10", ["[::]:8000"]],
    ["localhost:0", ["localhost:0"]],
    ["gateway-1.example:8000", ["gateway-1.example:8000"]],
  ];
  for (const [text, listeners] of rows) {
    assert.deepEqual(
      parseListeners(text).map(({ listener }) => listener),
      listeners,
      text,
    );
  }
  assert.deepEqual(parseListeners("[::1]:443 ssl"), [
    { listener: "[::1]:443 ssl", ip: "::1", port: 443, ssl: true, http2: false },
  ]);
});

test("what is no listener is refused with the fault and the syntax", () => {
  const rows: [text: string, reason: RegExp][] = [
    ["", /"" is no address with a port; expected address:port/],
    ["8000", /"8000" is no address/],
    [":8000", /no address/],
    ["127.0.0.1", /no address/],
    ["127.0.0.1:", /no address/],
    ["127.0.0.1:65536", /no address/],
    ["127.0.0.1:-1", /no address/],
    ["127.0.0.256:80", /no address/],
    ["1.2.3:80", /no address/],
    ["::1:8000", /no address/],
    ["[::1:8000", /no address/],
    ["[zz]:8000", /no address/],
    ["http://127.0.0.1:8000", /no address/],
    ["unix:/tmp/a.sock", /no address/],
    ["127.0.0.1:8000,", /"" is no address/],
    ["off, 127.0.0.1:8000", /"off" is no address/],
    ["127.0.0.1:8000 tls", /unknown flag "tls" of 127\.0\.0\.1:8000; expected address:port \[ssl\]/],
    ["127.0.0.1:8000 SSL", /unknown flag "SSL"/],
    ["127.0.0.1:8000 backlog=", /unknown flag "backlog="/],
    ["127.0.0.1:8000 udp", /unknown flag "udp"/],
    ["127.0.0.1:8000 proxy_protocol", /PROXY protocol is not available/],
    ["127.0.0.1:8000 http2", /http2 without ssl/],
  ];
  for (const [text, reason] of rows) assert.throws(() => parseListeners(text), reason, text);
});

test("loopback listeners are told from others", () => {
  const rows: [text: string, expected: boolean][] = [
    ["127.0.0.1:1", true],
    ["127.9.9.9:1", true],
    ["[::1]:1", true],
    ["localhost:1", true],
    ["0.0.0.0:1", false],
    ["[::]:1", false],
    ["10.0.0.1:1", false],
    ["127.example:1", false],
  ];
  for (const [text, expected] of rows) assert.equal(isLoopback(parseListeners(text)[0]!), expected, text);
});
