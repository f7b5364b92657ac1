import assert from "node:assert/strict";
import { once } from "node:events";
import { chownSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import pg from "pg";
import { generate } from "selfsigned";
import { partsOf, signatureOf } from "../helpers/iam-tokens.ts";
import { databaseSettings, migrateUp, startNode } from "../helpers/nodes.ts";
import { lacking, serverFolder, unprivileged } from "../helpers/servers.ts";
import { type SqlServer, startPostgres } from "../helpers/sql-servers.ts";

const SECRET = "the secret of an access key";
const env = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: SECRET, AWS_REGION: "eu-west-1" };

/**
 * An LDAP server that a PostgreSQL asks about passwords, as the one of RDS asks IAM: it gets them in the clear. Right are tokens
 * for the user `iam` that the secret has signed. It reads BindRequest only (RFC 4511, 4.2):
 *
 *   30 len | 02 len id | 60 len | 02 01 version | 04 len name | 80 len password
 */
async function startJudge(): Promise<{ port: number; tokens: string[]; close(): void }> {
  const tokens: string[] = [];
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      const message = element(received, 0);
      if (message?.tag !== 0x30) return;
      received = received.subarray(message.end);
      const id = element(message.value, 0)!;
      const request = element(message.value, id.end);
      if (request?.tag !== 0x60) return void socket.end();
      const version = element(request.value, 0)!;
      const name = element(request.value, version.end)!;
      const token = element(request.value, name.end)!.value.toString();
      tokens.push(token);
      const isRight =
        partsOf(token)["DBUser"] === "iam" && partsOf(token)["X-Amz-Signature"] === signatureOf(token, SECRET);
      const result = Buffer.from([0x0a, 1, isRight ? 0 : 49, 4, 0, 4, 0]);
      const answer = Buffer.concat([
        Buffer.from([2, id.value.length]),
        id.value,
        Buffer.from([0x61, result.length]),
        result,
      ]);
      socket.write(Buffer.concat([Buffer.from([0x30, answer.length]), answer]));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, tokens, close: () => void server.close() };
}

/** One element of BER; undefined when it has not come whole. */
function element(bytes: Buffer, at: number): { tag: number; value: Buffer; end: number } | undefined {
  if (bytes.length < at + 2) return undefined;
  const first = bytes[at + 1]!;
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (bytes.length < at + 2 + more) return undefined;
  const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
  const start = at + 2 + more;
  if (bytes.length < start + length) return undefined;
  return { tag: bytes[at]!, value: bytes.subarray(start, start + length), end: start + length };
}

describe("a PostgreSQL server that takes signed tokens as passwords", { skip: lacking("postgres", "initdb") }, () => {
  let judge: Awaited<ReturnType<typeof startJudge>>;
  let server: SqlServer;
  let folder: string;
  let certificate: string;

  before(async () => {
    judge = await startJudge();
    folder = serverFolder(unprivileged());
    const pems = await generate([{ name: "commonName", value: "a server" }], {
      extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
    });
    const rules = [
      "host all sesame 127.0.0.1/32 scram-sha-256",
      `hostssl all iam 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport=${judge.port} ldapprefix="uid="`,
    ];
    const files = { certificate: pems.cert, key: pems.private, rules: `${rules.join("\n")}\n` };
    const { uid, gid } = unprivileged();
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      if (uid !== undefined && gid !== undefined) chownSync(join(folder, name), uid, gid);
    }
    certificate = join(folder, "certificate");
    // A connection that nobody ends would keep a process running for so long.
    const tls = [
      "authentication_timeout=600",
      "ssl=on",
      `ssl_cert_file=${certificate}`,
      `ssl_key_file=${join(folder, "key")}`,
    ];
    server = await startPostgres("a password", [...tls, `hba_file=${join(folder, "rules")}`]);
    const { username: user, ...at } = server.settings;
    const client = new pg.Client({ ...at, user });
    await client.connect();
    await client.query("CREATE USER iam");
    await client.query("GRANT CREATE ON DATABASE sesame TO iam");
    await client.end();
  });
  after(async () => {
    await server?.remove();
    judge?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  function settingsOf(schema: string) {
    const trust = { pg_ssl_verify: "on", lua_ssl_trusted_certificate: certificate };
    return { ...databaseSettings(server, schema), ...trust, pg_user: "iam", pg_password: "ignored", pg_iam_auth: "on" };
  }

  async function migrate(t: TestContext, settings: Record<string, string>): Promise<void> {
    const before = { ...process.env };
    t.after(() => {
      process.env = before;
    });
    Object.assign(process.env, env);
    await migrateUp(settings);
  }

  test("migrations and a gateway with two workers connect, each connection with a token of its own", async (t) => {
    const settings = settingsOf("tokens");
    await migrate(t, settings);
    const count = judge.tokens.length;
    assert.ok(count > 0);
    const node = await startNode(t, { ...settings, nginx_worker_processes: "2" }, env);
    await node.change("POST", "/consumers", { username: "fiona" });
    const more = judge.tokens.slice(count);
    assert.ok(more.length >= 4, `${more.length} connections`);
    for (const token of more) assert.ok(token.startsWith(`127.0.0.1:${server.port}/?`), token);
    assert.doesNotMatch(node.errors(), /X-Amz|AKIDEXAMPLE|the secret/);
  });

  test("credentials that IAM does not know, or none at all, are an error at start without a secret in it", async (t) => {
    const settings = settingsOf("refused");
    for (const [changes, message] of [
      [{ AWS_SECRET_ACCESS_KEY: "mistyped" }, /LDAP authentication failed for user "iam"/],
      [
        { AWS_ACCESS_KEY_ID: "", AWS_EC2_METADATA_DISABLED: "true" },
        /pg_iam_auth: no token can be made: Could not load/,
      ],
    ] as const) {
      await assert.rejects(startNode(t, settings, { ...env, ...changes }), (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /X-Amz|mistyped/);
        return true;
      });
    }
  });
});
