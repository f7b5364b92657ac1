import type { Upstream } from "./upstream.ts";

/** The key that lets in, and the secret of the cookies. */
export const KEY = "open_sesame";
export const SECRET = "a secret of the benchmarks, 44 bytes long, ok";
export const USERNAME = "fiona";

/** Ids are fixed, so that cookies can be minted for any gateway that was configured so. */
const id = (number: number) => `be4c0000-0000-4000-8000-${String(number).padStart(12, "0")}`;
export const ANONYMOUS_ID = id(1);
export const CONSUMER_ID = id(2);
export const CREDENTIAL_ID = id(3);

/** The routes, by what they do. All of them answer `/check` below them with what arrived at the upstream. */
export const paths = {
  /** No plugin. */
  proxy: "/proxy",
  /** No plugin, to the upstream with the large bodies: `/64k`, `/1m`, and `/sink` to send to. */
  bodies: "/bodies",
  /** Session in the cookie, key-auth with anonymous, request-termination for the anonymous. */
  session: "/session",
  /** The same with `storage: kong`. */
  kong: "/kong",
  /** The same with `storage: redis`, where there is a Redis. */
  redis: "/redis",
} as const;

/** Every entity, in the order of creation: path and body of a PUT. */
function entities(upstream: Upstream, redisPort?: number): readonly (readonly [path: string, body: object])[] {
  const service = (number: number, name: string, url: string) => [`/services/${id(number)}`, { name, url }] as const;
  const route = (number: number, of: number, path: string) =>
    [`/routes/${id(number)}`, { service: { id: id(of) }, paths: [path] }] as const;
  const plugin = (number: number, of: number, name: string, config: object) =>
    [`/plugins/${id(number)}`, { name, route: { id: id(of) }, config }] as const;
  const signedIn = (number: number, path: string, storage: string, more: object = {}) => [
    route(number, 10, path),
    plugin(number + 1, number, "session", { storage, secret: SECRET, cookie_secure: false, ...more }),
    plugin(number + 2, number, "key-auth", { anonymous: ANONYMOUS_ID }),
  ];
  const termination = { name: "request-termination", consumer: { id: ANONYMOUS_ID }, config: { status_code: 403 } };
  return [
    [`/consumers/${ANONYMOUS_ID}`, { username: "anonymous_users" }],
    [`/consumers/${CONSUMER_ID}`, { username: USERNAME }],
    [`/consumers/${CONSUMER_ID}/key-auth/${CREDENTIAL_ID}`, { key: KEY }],
    [`/plugins/${id(4)}`, termination],
    service(10, "small", upstream.small),
    service(11, "bodies", upstream.bodies),
    route(20, 10, paths.proxy),
    route(21, 11, paths.bodies),
    ...signedIn(30, paths.session, "cookie"),
    ...signedIn(40, paths.kong, "kong"),
    ...(redisPort === undefined
      ? []
      : signedIn(50, paths.redis, "redis", { redis: { host: "127.0.0.1", port: redisPort } })),
  ];
}

/** Configure a gateway through its Admin API, Kong's or ours. Rejects with the first answer that is no success. */
export async function configure(admin: string, upstream: Upstream, redisPort?: number): Promise<void> {
  for (const [path, body] of entities(upstream, redisPort)) {
    const response = await fetch(admin.replace(/\/$/, "") + path, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${text}`);
  }
}
