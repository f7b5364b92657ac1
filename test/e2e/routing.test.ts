import assert from "node:assert/strict";
import { test } from "node:test";
import { echoUrl, startProxy } from "../helpers/proxy.ts";
import { type Asked, ask, doorsOf, http1Of, open } from "../helpers/wire.ts";

interface Row {
  readonly name: string;
  readonly routes: readonly object[];
  readonly flavor?: string;
  /** Requests, each with the name of the route that must win; undefined for none. */
  readonly asks: readonly (readonly [Asked, string | undefined])[];
}

/** Each row has paths of its own, so that all of them live in one gateway. */
const table: readonly Row[] = [
  {
    name: "hosts, plain, with wildcards and with a port",
    routes: [
      { name: "h-exact", hosts: ["h.test"], paths: ["/h"] },
      { name: "h-left", hosts: ["*.h.test"], paths: ["/h"] },
      { name: "h-right", hosts: ["h.*"], paths: ["/h"] },
      { name: "h-port", hosts: ["port.test:8080"], paths: ["/h"] },
    ],
    asks: [
      [{ path: "/h", headers: ["Host", "h.test"] }, "h-exact"],
      [{ path: "/h", headers: ["Host", "h.test:1234"] }, "h-exact"],
      [{ path: "/h", headers: ["Host", "a.b.h.test"] }, "h-left"],
      [{ path: "/h", headers: ["Host", "h.example"] }, "h-right"],
      [{ path: "/h", headers: ["Host", "port.test:8080"] }, "h-port"],
      [{ path: "/h", headers: ["Host", "port.test:8081"] }, undefined],
      [{ path: "/h", headers: ["Host", "other.test"] }, undefined],
      [{ path: "/h", headers: ["Host", "H.TEST"] }, undefined],
    ],
  },
  {
    name: "methods",
    routes: [
      { name: "m-get", methods: ["GET"], paths: ["/m"] },
      { name: "m-write", methods: ["POST", "PURGE"], paths: ["/m"] },
    ],
    asks: [
      [{ path: "/m" }, "m-get"],
      [{ path: "/m", method: "POST", body: "x" }, "m-write"],
      [{ path: "/m", method: "PURGE" }, "m-write"],
      [{ path: "/m", method: "DELETE" }, undefined],
    ],
  },
  {
    name: "headers, by value and by regex",
    routes: [
      { name: "v-one", headers: { "X-Version": ["1", "one"] }, paths: ["/v"] },
      { name: "v-regex", headers: { "X-Version": ["~*^v[2-9]$"] }, paths: ["/v"] },
      { name: "v-two", headers: { "X-Version": ["1"], "X-Region": ["eu"] }, paths: ["/v"] },
    ],
    asks: [
      [{ path: "/v", headers: ["x-version", "ONE"] }, "v-one"],
      [{ path: "/v", headers: ["X-Version", "nine", "X-Version", "1"] }, "v-one"],
      [{ path: "/v", headers: ["X-Version", "V3"] }, "v-regex"],
      [{ path: "/v", headers: ["X-Version", "1", "X-Region", "eu"] }, "v-two"],
      [{ path: "/v", headers: ["X-Version", "3"] }, undefined],
      [{ path: "/v" }, undefined],
    ],
  },
  {
    name: "prefixes and regular expressions",
    routes: [
      { name: "p-short", paths: ["/p"] },
      { name: "p-long", paths: ["/p/long"] },
      { name: "p-regex", paths: ["~/p/\\d+"] },
      { name: "p-first", paths: ["~/p/[0-9]{4}"], regex_priority: 5 },
    ],
    asks: [
      [{ path: "/p" }, "p-short"],
      [{ path: "/pq" }, "p-short"],
      [{ path: "/p/longer?q=/p/1" }, "p-long"],
      [{ path: "/p/12/more" }, "p-regex"],
      [{ path: "/p/1234" }, "p-first"],
      [{ path: "/x/../p/./%6Cong" }, "p-long"],
      [{ path: "//p//12" }, "p-regex"],
      [{ path: "/P" }, undefined],
    ],
  },
  {
    name: "priorities: more criteria, then no wildcard, then headers, then the regex",
    routes: [
      { name: "o-path", paths: ["/o/long/path"] },
      { name: "o-host", hosts: ["o.test"], paths: ["/o"] },
      { name: "o-wild", hosts: ["*.test"], paths: ["/o/long"] },
      { name: "o-both", hosts: ["o.test"], paths: ["/o"], methods: ["PUT"] },
      { name: "o-regex", hosts: ["o.test"], paths: ["~/o/r"] },
    ],
    asks: [
      [{ path: "/o/long/path", headers: ["Host", "o.example"] }, "o-path"],
      [{ path: "/o/long/path", headers: ["Host", "o.test"] }, "o-host"],
      [{ path: "/o/long", headers: ["Host", "a.test"] }, "o-wild"],
      [{ path: "/o/r", headers: ["Host", "o.test"], method: "PUT", body: "" }, "o-both"],
      [{ path: "/o/r", headers: ["Host", "o.test"] }, "o-regex"],
    ],
  },
];

test("the route that must win wins, through every door", { concurrency: true }, async (t) => {
  const gateway = await startProxy(t, { allow_debug_header: "on" });
  const url = await echoUrl(t);
  const service = await gateway.create("/services", { url });
  for (const { routes } of table) {
    for (const route of routes) await gateway.create(`/services/${service.id}/routes`, route);
  }
  const checks = table.flatMap((row) => doorsOf(gateway).map((door) => ({ row, door })));
  await Promise.all(
    checks.map(({ row, door }) =>
      t.test(`${row.name} (${door.name})`, async (t) => {
        for (const [asked, winner] of row.asks) {
          const { headers = [] } = asked;
          const answer = await ask(t, door, { ...asked, headers: [...headers, "Kong-Debug", "1"] });
          const shown = JSON.stringify(asked);
          assert.equal(answer.field("Kong-Route-Name"), winner, shown);
          assert.equal(answer.status, winner === undefined ? 404 : 200, shown);
          if (winner === undefined) assert.match(answer.body, /"message":"no Route matched with those values"/);
        }
      }),
    ),
  );
});

/** Service path, route path, strip, request, what the upstream sees; the whole table of SPEC-proxy §3 is a test of its module. */
const paths: readonly (readonly [string, string, boolean, string, string])[] = [
  ["/", "/a1", true, "/a1", "/"],
  ["/", "/a2", true, "/a2/x%20y%2Fz?q=1&q=%zz", "/x%20y%2Fz?q=1&q=%zz"],
  ["/", "/a3", false, "/a3/x?", "/a3/x?"],
  ["/s", "/a4", true, "/a4", "/s"],
  ["/s", "/a5", true, "/a5eq", "/s/eq"],
  ["/s/", "/a6", true, "/a6/x", "/s/x"],
  ["/s", "/a7", false, "/a7/x", "/s/a7/x"],
  ["/s", "~/a8/(\\d+)/", true, "/a8/12/rest", "/s/rest"],
  ["/s", "/a9", true, "/a9../x", "/s/x"],
];

test("strip_path and path_handling make the path that the upstream sees", { concurrency: true }, async (t) => {
  const gateway = await startProxy(t);
  const traditional = await startProxy(t, { router_flavor: "traditional" });
  const url = await echoUrl(t);
  for (const [path, routePath, strip_path, asked, seen] of paths) {
    const { id } = await gateway.create("/services", { url: url + path });
    await gateway.create(`/services/${id}/routes`, { paths: [routePath], strip_path });
    for (const door of doorsOf(gateway)) {
      const answer = await ask(t, door, { path: asked });
      assert.equal(answer.picture().url, seen, `${door.name} ${asked}`);
    }
  }
  const v1 = { service: {}, route: { path_handling: "v1", strip_path: true, paths: ["/v1"] } };
  for (const [proxy, seen] of [
    [gateway, "/s/tail"],
    [traditional, "/stail"],
  ] as const) {
    await proxy.mount(`${url}/s`, v1);
    const [door] = doorsOf(proxy);
    assert.equal((await ask(t, door!, { path: "/v1tail" })).picture().url, seen);
  }
});

test("the upstream sees its own host, or the client's where it is preserved", async (t) => {
  const gateway = await startProxy(t);
  const url = await echoUrl(t);
  const own = await gateway.mount(url);
  const kept = await gateway.mount(url, { route: { preserve_host: true } });
  for (const door of doorsOf(gateway)) {
    const headers = ["Host", "Shop.test:8443"];
    assert.deepEqual((await ask(t, door, { path: own, headers })).picture().seen("host"), [url.slice(7)], door.name);
    assert.deepEqual(
      (await ask(t, door, { path: kept, headers })).picture().seen("host"),
      ["Shop.test:8443"],
      door.name,
    );
  }
});

test("requests of one connection to many upstreams, routes and hosts are each told of as they are", async (t) => {
  const gateway = await startProxy(t);
  const urls = await Promise.all(Array.from({ length: 12 }, () => echoUrl(t)));
  const routes: { readonly path: string; readonly host: string | undefined; readonly strip: boolean }[] = [];
  for (const [i, url] of urls.entries()) {
    // Of the first routes, which are asked for again and again, each kind has one that strips its path.
    const [keeps, strip] = [i % 2 === 1, i % 4 < 2];
    const path = await gateway.mount(url, { route: { preserve_host: keeps, strip_path: strip } });
    routes.push({ path, host: keeps ? undefined : url.slice(7), strip });
  }
  for (const door of http1Of(gateway)) {
    const wire = await open(t, door);
    for (let i = 0; i < 120; i += 1) {
      // At first few routes that come again and again, then so many that none does soon; hosts in turns, then in runs.
      const { path, host, strip } = routes[(i * 5) % (i % 60 < 30 ? 4 : 12)]!;
      const asked = `h${i < 60 ? i % 3 : Math.floor(i / 20)}.test`;
      wire.ask({ path: `${path}/${i}`, headers: ["Host", asked] });
      const { seen } = (await wire.answer()).picture();
      assert.deepEqual(seen("host"), [host ?? asked], `${door.name} ${i}`);
      assert.deepEqual(
        ["Host", "Path", "Prefix"].flatMap((name) => seen(`X-Forwarded-${name}`)),
        [asked, `${path}/${i}`, ...(strip ? [path] : [])],
        `${door.name} ${i}`,
      );
    }
  }
});

test("a route for https only sends plain requests to TLS", async (t) => {
  const gateway = await startProxy(t);
  const url = await echoUrl(t);
  const [plain, tls, h2] = doorsOf(gateway);
  const statuses = [426, 301, 302, 307, 308];
  for (const https_redirect_status_code of statuses) {
    const path = await gateway.mount(url, { route: { protocols: ["https"], https_redirect_status_code } });
    const refused = await ask(t, plain!, { path: `${path}/x?y=1`, headers: ["Host", "h.test:8000"] });
    assert.equal(refused.status, https_redirect_status_code);
    if (https_redirect_status_code === 426) {
      assert.deepEqual(refused.fields("connection"), ["keep-alive", "Upgrade"]);
      assert.equal(refused.field("upgrade"), "TLS/1.2, HTTP/1.1");
      assert.match(refused.body, /Please use HTTPS protocol/);
    } else {
      assert.equal(refused.field("location"), `https://h.test${path}/x?y=1`);
    }
    assert.equal((await ask(t, tls!, { path })).status, 200);
    assert.equal((await ask(t, h2!, { path })).status, 200);
  }
  const http = await gateway.mount(url, { route: { protocols: ["http"] } });
  for (const door of doorsOf(gateway)) assert.equal((await ask(t, door, { path: http })).status, 200, door.name);
});

test("what is stored but not proxied is refused by name", async (t) => {
  const gateway = await startProxy(t);
  const url = await echoUrl(t);
  const grpc = await gateway.mount(url.replace("http", "grpc"), { route: { protocols: ["grpc", "grpcs"] } });
  const tcp = await gateway.create("/services", { protocol: "tcp", host: "127.0.0.1", port: 9 });
  await gateway.create(`/services/${tcp.id}/routes`, { protocols: ["tcp"], sources: [{ ip: "127.0.0.1" }] });
  const toTcp = await gateway.create("/services", { protocol: "tcp", host: "127.0.0.1", port: 9 });
  await gateway.create(`/services/${toTcp.id}/routes`, { paths: ["/stream"] });
  await gateway.create("/routes", { paths: ["/nowhere"] });
  for (const door of doorsOf(gateway)) {
    const plain = await ask(t, door, { path: grpc });
    assert.equal(plain.status, 415, door.name);
    assert.match(plain.body, /Non-gRPC request matched gRPC route/);
    const call = await ask(t, door, {
      path: grpc,
      method: "POST",
      headers: ["Content-Type", "application/grpc"],
      body: "x",
    });
    assert.equal(call.status, door.name === "h2" ? 501 : 426, door.name);
    assert.match(call.body, door.name === "h2" ? /proxying gRPC is not supported/ : /Please use HTTP2 protocol/);
    const stream = await ask(t, door, { path: "/stream" });
    assert.equal(stream.status, 501, door.name);
    assert.match(stream.body, /proxying 'tcp' services is not supported/);
    const nowhere = await ask(t, door, { path: "/nowhere" });
    assert.equal(nowhere.status, 503, door.name);
    assert.match(nowhere.body, /no Service found with those values/);
  }
});
