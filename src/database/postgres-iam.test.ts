import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { partsOf, signatureOf } from "../../test/helpers/iam-tokens.ts";
import { createIamTokens, type IamOptions } from "./postgres-iam.ts";

const host = "db.abcdefgh.eu-west-1.rds.amazonaws.com";

function tokens(changes: Partial<IamOptions> = {}): () => Promise<string> {
  return createIamTokens({ host, port: 5432, user: "ses ame", sessionName: "Kong", timeoutMs: 1000, ...changes });
}

/** The environment for a test, with nothing of AWS but this. */
function setEnvironment(t: TestContext, variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  const none = {
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  Object.assign(process.env, none, variables);
  t.after(() => {
    process.env = before;
  });
}

interface Asked {
  readonly params: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
}

/** A server that answers like the STS: every role is given credentials, numbered from 1, that live so long. */
async function startSts(t: TestContext, lifeMs = 3600_000): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const params = Object.fromEntries(new URLSearchParams(body));
    const number = asked.push({ params, headers: request.headers });
    const expiration = new Date(Date.now() + lifeMs).toISOString();
    const credentials =
      `<Credentials><AccessKeyId>ASIA${number}</AccessKeyId><SecretAccessKey>secret${number}</SecretAccessKey>` +
      `<SessionToken>session${number}</SessionToken><Expiration>${expiration}</Expiration></Credentials>`;
    const { Action } = params;
    const result = `<${Action}Result>${credentials}</${Action}Result>`;
    response.end(`<${Action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</${Action}Response>`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test("a token is signed by the credentials of the environment, for the region in the host's name", async (t) => {
  setEnvironment(t, {
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  });
  const token = await tokens()();
  const parts = partsOf(token);
  assert.ok(token.startsWith(`${host}:5432/?`));
  assert.deepEqual([parts["Action"], parts["DBUser"], parts["X-Amz-Expires"]], ["connect", "ses ame", "900"]);
  assert.match(parts["X-Amz-Credential"]!, /^AKIDEXAMPLE\/\d{8}\/eu-west-1\/rds-db\/aws4_request$/);
  assert.ok(
    Math.abs(Date.parse(parts["X-Amz-Date"]!.replace(/(....)(..)(..T..)(..)(..)/, "$1-$2-$3:$4:$5")) - Date.now()) <
      60_000,
  );
  assert.equal(parts["X-Amz-Signature"], signatureOf(token, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
});

test("every token is new, and AWS_REGION counts before the host's name", async (t) => {
  setEnvironment(t, { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s", AWS_REGION: "us-west-2" });
  t.mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 0, 1) });
  const make = tokens();
  const first = await make();
  t.mock.timers.tick(60_000);
  assert.deepEqual(
    [partsOf(first)["X-Amz-Date"], partsOf(await make())["X-Amz-Date"]],
    ["20260101T000000Z", "20260101T000100Z"],
  );
  assert.match(first, /us-west-2/);
});

test("a role is assumed at the STS that is set, once for many tokens", async (t) => {
  setEnvironment(t, { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s" });
  const { url, asked } = await startSts(t);
  const make = tokens({ role: "arn:aws:iam::123456789012:role/db", sessionName: "Sesame", stsEndpoint: url });
  const made = await Promise.all([make(), make(), make()]);
  made.push(await make());
  for (const token of made) {
    assert.equal(partsOf(token)["X-Amz-Security-Token"], "session1");
    assert.equal(partsOf(token)["X-Amz-Signature"], signatureOf(token, "secret1"));
  }
  assert.equal(asked.length, 1);
  const [{ params, headers }] = asked as [Asked];
  assert.deepEqual(
    [params["Action"], params["RoleArn"], params["RoleSessionName"]],
    ["AssumeRole", "arn:aws:iam::123456789012:role/db", "Sesame"],
  );
  assert.match(headers.authorization ?? "", /Credential=AKID\/\d{8}\/eu-west-1\/sts\/aws4_request/);
});

test("credentials that end before a token would are asked for again", async (t) => {
  setEnvironment(t, { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s" });
  const { url, asked } = await startSts(t, 600_000);
  const make = tokens({ role: "arn:aws:iam::123456789012:role/db", stsEndpoint: url });
  const [first, second] = [await make(), await make()];
  assert.notEqual(partsOf(first)["X-Amz-Security-Token"], partsOf(second)["X-Amz-Security-Token"]);
  assert.ok(asked.length >= 2);
});

test("a web identity, as of a pod, is exchanged at the STS that is set", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sesame-iam-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "token"), "a.b.c");
  setEnvironment(t, {
    AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, "token"),
    AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/pod",
    AWS_ROLE_SESSION_NAME: "pod",
  });
  const { url, asked } = await startSts(t);
  const token = await tokens({ stsEndpoint: url })();
  assert.equal(partsOf(token)["X-Amz-Signature"], signatureOf(token, "secret1"));
  const { Action, RoleArn, WebIdentityToken } = asked[0]!.params;
  assert.deepEqual(
    [Action, RoleArn, WebIdentityToken],
    ["AssumeRoleWithWebIdentity", "arn:aws:iam::123456789012:role/pod", "a.b.c"],
  );
});

test("a container's credentials are taken from the address it is given", async (t) => {
  const server = createServer((_, response) => {
    const Expiration = new Date(Date.now() + 3600_000).toISOString();
    response.end(JSON.stringify({ AccessKeyId: "ASIA", SecretAccessKey: "of a task", Token: "session", Expiration }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  setEnvironment(t, { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/` });
  const token = await tokens()();
  assert.equal(partsOf(token)["X-Amz-Signature"], signatureOf(token, "of a task"));
});

test("without credentials the error names the setting, and the next token is another attempt", async (t) => {
  setEnvironment(t, {});
  const make = tokens();
  const fails = {
    code: "ERR_DATABASE_OPEN",
    message: /^pg_iam_auth: no token can be made: Could not load credentials/,
  };
  await assert.rejects(make(), fails);
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s" });
  assert.match(await make(), /X-Amz-Signature/);
});
