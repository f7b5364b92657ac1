import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { describeConfiguration, enabledHeaders, loadSettings, SettingsError, settingsTable } from "./settings.ts";
import { isKongOnly } from "./settings-names.ts";

/** Settings from the text of a file and an environment. */
function load(t: TestContext, text: string, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "sesame-settings-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "sesame.conf");
  writeFileSync(file, text);
  return loadSettings({ file, env });
}

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    assert.equal(error.message, error.problems.join("\n"));
    return error.problems;
  }
  return assert.fail("expected a SettingsError");
}

test("without any source every setting has its default", () => {
  const { settings, warnings } = loadSettings({});
  assert.deepEqual(warnings, []);
  assert.ok(Object.isFrozen(settings));
  assert.equal(settings.prefix, ".sesame");
  assert.equal(settings.client_head_max_size, 65536);
  assert.equal(settings.client_head_max_line_size, 49152);
  assert.equal(settings.admin_client_max_body_size, 10 * 1024 * 1024);
  assert.equal(settings.client_header_timeout, 60);
  assert.equal(settings.nginx_worker_processes, "auto");
  assert.equal(settings.dns_valid_ttl, undefined);
  assert.deepEqual(settings.trusted_ips, []);
  assert.deepEqual(
    settings.proxy_listen.map(({ ip, port, ssl, http2 }) => ({ ip, port, ssl, http2 })),
    [
      { ip: "0.0.0.0", port: 8000, ssl: false, http2: false },
      { ip: "0.0.0.0", port: 8443, ssl: true, http2: true },
    ],
  );
});

test("every setting is described and its default is accepted", () => {
  for (const [name, setting] of Object.entries(settingsTable)) {
    assert.match(setting.description, /\.$/, name);
    assert.match(name, /^[a-z][a-z0-9_]*$/);
  }
});

test("a file in the form of kong.conf is read with comments, quotes and blanks", (t) => {
  const { settings, warnings } = load(
    t,
    `# the whole line
   log_level = debug        # the rest of the line
prefix="/var/lib/a b # c"   # after a quoted value
proxy_access_log = logs/\\#1.log
trusted_ips = 10.0.0.0/8,2001:db8::/32 , 192.0.2.7
error_default_type='application/json'
dns_valid_ttl=
admin_listen   =   127.0.0.1:9001\r
allow_debug_header = on`,
  );
  assert.deepEqual(warnings, []);
  assert.equal(settings.log_level, "debug");
  assert.equal(settings.prefix, "/var/lib/a b # c");
  assert.equal(settings.proxy_access_log, "logs/#1.log");
  assert.deepEqual(settings.trusted_ips, ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]);
  assert.equal(settings.error_default_type, "application/json");
  assert.equal(settings.dns_valid_ttl, undefined);
  assert.equal(settings.admin_listen[0]?.port, 9001);
  assert.equal(settings.allow_debug_header, true);
});

test("SESAME_ wins over KONG_, which wins over the file, which wins over the default", (t) => {
  const text = "log_level = debug\nrouter_flavor = traditional\nreal_ip_header = X-File\nclient_max_body_size = 1m";
  const env = {
    KONG_LOG_LEVEL: "info",
    SESAME_LOG_LEVEL: "warn",
    KONG_REAL_IP_HEADER: "X-Kong",
    KONG_NGINX_HTTP_CLIENT_MAX_BODY_SIZE: "2m",
    KONG_NGINX_EVENTS_WORKER_CONNECTIONS: "512",
  };
  const { settings } = load(t, text, env);
  assert.equal(settings.log_level, "warn");
  assert.equal(settings.real_ip_header, "X-Kong");
  assert.equal(settings.router_flavor, "traditional");
  assert.equal(settings.client_max_body_size, 2 * 1024 * 1024);
  assert.equal(settings.worker_connections, 512);
  assert.equal(loadSettings({ env, overrides: { log_level: "crit" } }).settings.log_level, "crit");
});

test("a blank variable empties a list and leaves other settings at their default", (t) => {
  const { settings } = load(t, "trusted_ips = 10.0.0.1\nlog_level = debug", {
    KONG_TRUSTED_IPS: "",
    KONG_LOG_LEVEL: "",
  });
  assert.deepEqual(settings.trusted_ips, []);
  assert.equal(settings.log_level, "notice");
});

test("values are parsed by their type, and refused with what is accepted", () => {
  const rows: [name: string, text: string, expected: unknown][] = [
    ["client_max_body_size", "8m", 8388608],
    ["client_max_body_size", "1G", 1073741824],
    ["client_max_body_size", "17", 17],
    ["client_max_body_size", "-1", /client_max_body_size: expected bytes, or a number with k, m or g, not "-1"/],
    ["client_max_body_size", "8mb", /expected bytes/],
    ["client_head_max_size", "1", /at least 1024/],
    ["client_head_max_size", "1g", /at most 1048576/],
    ["client_header_timeout", "90", 90],
    ["client_header_timeout", "2m", 120],
    ["client_header_timeout", "500ms", 0.5],
    ["client_header_timeout", "1e3", /expected seconds/],
    ["client_header_timeout", "99999d", /at most 2147483/],
    ["nginx_worker_processes", "auto", "auto"],
    ["nginx_worker_processes", "4", 4],
    ["nginx_worker_processes", "0", /at least 1, at most 1024, or auto, not "0"/],
    ["nginx_worker_processes", "0x10", /expected a whole number/],
    ["real_ip_recursive", "ON", true],
    ["real_ip_recursive", "false", false],
    ["real_ip_recursive", "1", /real_ip_recursive: expected on or off, not "1" \(SESAME_REAL_IP_RECURSIVE\)/],
    ["log_level", "verbose", /expected one of debug, info, notice, warn, error, crit, alert, emerg, not "verbose"/],
    ["log_level", "constructor", /expected one of debug/],
    [
      "database",
      "cassandra",
      /database: Kong itself has given it up; expected one of sqlite, postgres, off, not "cassandra"/,
    ],
    ["database", "toString", /expected one of sqlite/],
    ["http_engine", "fast", "fast"],
    ["http_engine", "nginx", /expected one of node, fast, not "nginx"/],
    ["router_flavor", "expressions", /routes by expressions/],
    ["role", "data_plane", /hybrid mode/],
    ["trusted_ips", "10.0.0.0/33", /expected addresses or networks/],
    ["trusted_ips", "10.0.0.1,,10.0.0.2", /expected addresses/],
    ["trusted_ips", "unix:", /expected addresses/],
    ["trusted_ips", "0.0.0.0/0, ::/0", ["0.0.0.0/0", "::/0"]],
    ["real_ip_header", "X Real", /the name of a header/],
    ["real_ip_header", "proxy_protocol", /PROXY protocol/],
    [
      "admin_gui_url",
      "https://a.example/manager, http://b.example:8002",
      ["https://a.example/manager", "http://b.example:8002"],
    ],
    ["admin_gui_url", "ftp://a", /http or https addresses/],
    ["admin_gui_url", "*", /http or https addresses/],
    ["dns_resolver", "127.0.0.1, 127.0.0.1:5353, [::1]:53, ::1", ["127.0.0.1", "127.0.0.1:5353", "[::1]:53", "::1"]],
    ["dns_resolver", "127.0.0.1:0", /address or address:port/],
    ["dns_resolver", "dns.example", /address or address:port/],
    ["proxy_access_log", "/dev/stdout basic", "/dev/stdout"],
    ["headers", "off", []],
    ["headers", "off, via", /off, or some of server_tokens/],
    ["headers", "X-Kong-Upstream-Status, SERVER_TOKENS", ["X-Kong-Upstream-Status", "SERVER_TOKENS"]],
    ["headers", "X-Other", /off, or some of/],
    ["ssl_cert", "-----BEGIN CERTIFICATE-----", /the path of a file/],
    ["ssl_cert", "a.pem, b.pem", /the path of a file/],
    ["lua_ssl_trusted_certificate", "system, a.pem", ["system", "a.pem"]],
    ["lua_ssl_trusted_certificate", "{vault://env/ca}", /references to vaults/],
  ];
  for (const [name, text, expected] of rows) {
    const env = { [`SESAME_${name.toUpperCase()}`]: text };
    if (expected instanceof RegExp) {
      const [problem, ...more] = problemsOf(() => loadSettings({ env }));
      assert.match(problem ?? "", expected, `${name} = ${text}`);
      assert.deepEqual(more, []);
    } else {
      const settings: Record<string, unknown> = loadSettings({ env }).settings;
      assert.deepEqual(settings[name], expected, `${name} = ${text}`);
    }
  }
});

test("all faults of a file are told at once, each with its line, and no line is shown", (t) => {
  const text = 'pg_password hunter2\nlog_level = loud\n[section]\nprefix = "open\nreal_ip_header = a b\nx\0y = 1';
  const problems = problemsOf(() => load(t, text));
  assert.equal(problems.length, 6);
  assert.match(problems.join("\n"), /sesame\.conf line 1: expected name = value/);
  assert.match(problems.join("\n"), /log_level: expected one of .*\(.*sesame\.conf line 2\)/);
  assert.doesNotMatch(problems.join("\n"), /hunter2|open/);
});

test("a secret is not shown in a message", () => {
  const [problem = ""] = problemsOf(() => loadSettings({ env: { KONG_SSL_CERT_KEY: "-----BEGIN PRIVATE KEY-----" } }));
  assert.equal(problem, "ssl_cert_key: expected the path of a file, not a secret value (KONG_SSL_CERT_KEY)");
});

test("a file that cannot be read is one problem", () => {
  assert.deepEqual(
    problemsOf(() => loadSettings({ file: "/nowhere/sesame.conf" })),
    ["/nowhere/sesame.conf: cannot be read (ENOENT)"],
  );
});

test("properties of Kong without effect are named in one warning, unknown ones each with the nearest name", (t) => {
  const text =
    "lmdb_map_size = 1g\nmem_cache_size = 128m\nproxy_lisen = 0.0.0.0:1\ncolour = red\nlog_level = info\nlog_level = warn";
  const env = {
    KONG_CASSANDRA_PASSWORD: "hunter2",
    KONG_NGINX_HTTP_KEEPALIVE_REQUESTS: "1",
    KONG_TRUSTED_IP: "1.2.3.4",
    KONG_SOMETHING_ELSE: "ignored in silence, as Kong does",
    SESAME_NOISE: "x",
    SESAME_SERVICE_HOST: "10.0.0.1",
    SESAME_PORT_8000_TCP: "tcp://10.0.0.1:8000",
    SESAME_PORT: "tcp://10.0.0.1:8000",
    HOME: "/root",
  };
  const { settings, warnings } = load(t, text, env);
  assert.equal(settings.log_level, "warn");
  assert.deepEqual(
    warnings.map((warning) => warning.replaceAll(/[^\s(]*sesame\.conf/g, "FILE")),
    [
      'unknown setting "proxy_lisen" is ignored (FILE line 3); did you mean proxy_listen?',
      'unknown setting "colour" is ignored (FILE line 4)',
      "log_level is set more than once in FILE; line 6 counts",
      'unknown setting "trusted_ip" is ignored (KONG_TRUSTED_IP); did you mean trusted_ips?',
      'unknown setting "noise" is ignored (SESAME_NOISE)',
      "settings of Kong that have no effect here: lmdb_map_size, mem_cache_size, cassandra_password, nginx_http_keepalive_requests",
    ],
  );
});

test("settings of a standby fall back to the primary's, and are named when there is no standby", () => {
  const env = { KONG_PG_RO_PORT: "5433", KONG_PG_RO_SSL: "on" };
  const { settings, warnings } = loadSettings({ env });
  assert.deepEqual([settings.pg_ro_port, settings.pg_ro_ssl, settings.pg_ro_user], [5433, true, undefined]);
  assert.deepEqual(warnings, ["without pg_ro_host these settings have no effect: pg_ro_port, pg_ro_ssl"]);
  assert.deepEqual(loadSettings({ env: { ...env, KONG_PG_RO_HOST: "standby" } }).warnings, []);
  assert.deepEqual(
    problemsOf(() => loadSettings({ env: { KONG_PG_BACKLOG: "-1", KONG_PG_RO_IAM_AUTH_STS_ENDPOINT_URL: "sts" } })),
    [
      'pg_backlog: expected a whole number, at least 0, at most 1000000, not "-1" (KONG_PG_BACKLOG)',
      'pg_ro_iam_auth_sts_endpoint_url: expected an http or https address, not "sts" (KONG_PG_RO_IAM_AUTH_STS_ENDPOINT_URL)',
    ],
  );
});

test("no setting of PostgreSQL is without effect", () => {
  for (const name of Object.keys(settingsTable).filter((name) => name.startsWith("pg_"))) {
    assert.equal(isKongOnly(name), false, name);
  }
  assert.equal(isKongOnly("pg_of_a_later_kong"), false);
});

test("settings that contradict each other are refused", () => {
  const env = { KONG_ADMIN_LISTEN: "0.0.0.0:8000", KONG_SSL_CERT: "a.pem" };
  assert.deepEqual(
    problemsOf(() => loadSettings({ env })),
    [
      "ssl_cert and ssl_cert_key: expected both or neither",
      "admin_listen: 0.0.0.0:8000 is also an address of proxy_listen",
    ],
  );
});

test("an Admin API that other machines can reach is a warning", () => {
  const { warnings } = loadSettings({ env: { SESAME_ADMIN_LISTEN: "127.0.0.2:8001, 0.0.0.0:8001, [::1]:8001" } });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^admin_listen: other machines can reach the Admin API at 0\.0\.0\.0:8001,/);
});

test("headers switches single headers and groups", () => {
  assert.equal(enabledHeaders(loadSettings({}).settings)["X-Kong-Upstream-Status"], false);
  const { settings } = loadSettings({ env: { KONG_HEADERS: "via, Latency_Tokens" } });
  const headers = enabledHeaders(settings);
  assert.equal(headers.Via, true);
  assert.equal(headers.Server, false);
  assert.equal(headers["X-Kong-Proxy-Latency"], true);
  assert.equal(headers["X-Kong-Request-Id"], false);
});

test("the configuration is described with Kong's shapes and without secrets", () => {
  const env = { KONG_SSL_CERT: "a.pem", KONG_SSL_CERT_KEY: "secret.key", KONG_STATUS_LISTEN: "off" };
  const configuration = describeConfiguration(loadSettings({ env }).settings);
  assert.equal(configuration.ssl_cert_key, "******");
  assert.doesNotMatch(JSON.stringify(configuration), /secret\.key/);
  assert.equal(configuration.database, "sqlite");
  assert.equal(configuration.role, "traditional");
  assert.deepEqual(configuration.trusted_ips, {});
  assert.deepEqual(configuration.proxy_listen, ["0.0.0.0:8000", "0.0.0.0:8443 ssl http2"]);
  assert.equal(configuration.proxy_ssl_enabled, true);
  assert.deepEqual(configuration.status_listen, ["off"]);
  assert.deepEqual(configuration.status_listeners, {});
  assert.deepEqual(configuration.admin_gui_listeners, {});
  assert.equal((configuration.enabled_headers as Record<string, boolean>).server_tokens, true);
});
