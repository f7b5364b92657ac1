import type { Guide, Row } from "./quickstart-guide.ts";

/** Where the walkthrough is done: addresses without a slash at the end. */
export interface Places {
  readonly admin: string;
  readonly proxy: string;
  readonly echo: string;
  readonly page: string;
}

export const PROTECTED = "/sessions-test";
export const PAGE = "/quickstart";
export const KEY = "open_sesame";

const SERVICE = ["id", "name", "host", "port", "path"];
const CONSUMER = ["id", "username"];
const FISH = "So long and thanks for all the fish!";

const hasPath = (path: string) => (route: Row) => (route.paths as readonly string[] | null)?.includes(path) ?? false;

/**
 * The documented walkthrough of the session plugin with key-auth (SPEC-auth-plugins §5.1), step by step. What an earlier start
 * has created is kept. Answers the session's cookie as `name=value`; undefined when the login gave none.
 */
export async function walkThrough(guide: Guide, { admin, proxy, echo }: Places): Promise<string | undefined> {
  const service = `${admin}/services/example-service`;
  const consumers = `${admin}/consumers`;
  const url = `${proxy}${PROTECTED}`;
  const findPlugin = (name: string) => guide.find(`${service}/plugins`, (plugin) => plugin.name === name);

  await serve(guide, admin, {
    title: "A service: the site to protect",
    name: "example-service",
    url: `${echo}/request`,
  });
  await guide.create(
    "A route to it",
    await guide.find(`${service}/routes`, hasPath(PROTECTED)),
    { url: `${service}/routes`, data: [`paths[]=${PROTECTED}`] },
    ["id", "paths"],
  );
  const keyAuth = await guide.create(
    "The key-auth plugin: who wants in shows a key",
    await findPlugin("key-auth"),
    { url: `${service}/plugins/`, data: ["name=key-auth"] },
    ["id", "name"],
  );
  if ((keyAuth.config as { anonymous: string | null }).anonymous === null) {
    const telling = { status: 401, header: "WWW-Authenticate" };
    await guide.show("Without a key nobody passes", { method: "GET", url }, telling);
  }
  const anonymous = await guide.create(
    "A consumer for those without a key",
    await guide.find(`${consumers}/anonymous_users`),
    { url: `${consumers}/`, data: ["username=anonymous_users"] },
    CONSUMER,
  );
  await guide.create(
    "A consumer who will log in",
    await guide.find(`${consumers}/fiona`),
    { url: `${consumers}/`, data: ["username=fiona"] },
    CONSUMER,
  );
  await guide.create(
    "Her key",
    await guide.find(`${consumers}/fiona/key-auth`, (credential) => credential.key === KEY),
    { url: `${consumers}/fiona/key-auth/`, data: [`key=${KEY}`] },
    ["id", "key"],
  );
  await guide.change(
    "Let those without a key on to the next plugin, as the anonymous consumer",
    { url: `${admin}/plugins/${keyAuth.id}`, data: [`config.anonymous=${anonymous.id}`] },
    ["id", "name", "config.anonymous"],
  );
  await guide.create(
    "The session plugin (cookie_secure=false is for this demonstration over plain HTTP only)",
    await findPlugin("session"),
    { url: `${service}/plugins`, data: ["name=session", "config.storage=kong", "config.cookie_secure=false"] },
    ["id", "name", "config.storage", "config.cookie_secure"],
  );
  await guide.create(
    "The request-termination plugin: the anonymous consumer gets no further",
    await findPlugin("request-termination"),
    {
      url: `${service}/plugins`,
      data: [
        "name=request-termination",
        "config.status_code=403",
        `config.message=${FISH}`,
        `consumer.id=${anonymous.id}`,
      ],
    },
    ["id", "name", "config.status_code", "consumer.id"],
  );

  await guide.show("Nobody passes without key and session", { method: "GET", url }, { status: 403 });
  const login = await guide.show(
    "The key opens a session",
    { method: "GET", url: `${url}?apikey=${KEY}` },
    { status: 200, header: "Set-Cookie", members: ["method", "url"] },
  );
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0];
  if (cookie === undefined) return undefined;
  await guide.show(
    "From now on the cookie is enough, and is not set again",
    { method: "GET", url, headers: [`cookie: ${cookie}`] },
    { status: 200, header: "Set-Cookie", members: ["method", "url"] },
  );
  return cookie;
}

/** Route the page to browsers, and have the session plugin tell it whose session it is and what its clocks show. */
export async function offerPage(guide: Guide, { admin, page }: Places): Promise<void> {
  const service = `${admin}/services/quickstart-page`;
  await serve(guide, admin, {
    title: "A service for a page to log in with a browser",
    name: "quickstart-page",
    url: page,
  });
  await guide.create(
    "A route to it",
    await guide.find(`${service}/routes`, hasPath(PAGE)),
    { url: `${service}/routes`, data: [`paths[]=${PAGE}`] },
    ["id", "paths"],
  );
  const session = await guide.find(`${admin}/services/example-service/plugins`, ({ name }) => name === "session");
  const headers = ["id", "subject", "idling-timeout", "rolling-timeout", "absolute-timeout"];
  await guide.change(
    "Session-* response headers, for the page to show",
    { url: `${admin}/plugins/${session!.id}`, data: headers.map((name) => `config.response_headers[]=${name}`) },
    ["id", "name", "config.response_headers"],
  );
}

/** Have a service at this upstream, whose port is another one at each start. */
async function serve(
  guide: Guide,
  admin: string,
  service: { title: string; name: string; url: string },
): Promise<void> {
  const { title, name, url } = service;
  const known = await guide.find(`${admin}/services/${name}`);
  if (known === undefined) {
    await guide.create(title, known, { url: `${admin}/services/`, data: [`name=${name}`, `url=${url}`] }, SERVICE);
  } else {
    const change = { url: `${admin}/services/${name}`, data: [`url=${url}`] };
    await guide.change(`${title} (kept from an earlier start, at its new address)`, change, SERVICE);
  }
}
