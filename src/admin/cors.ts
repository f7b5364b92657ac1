import type { IncomingHttpHeaders } from "node:http";
import type { Headers } from "./answer.ts";

/**
 * What web pages may do with the Admin API. Only the origins of `admin_gui_url` are trusted: they read answers, with
 * credentials, and write. A request is a web page's when it has an `Origin` or a `Sec-Fetch-Site`; other clients get the
 * same fields as from Kong, which mean nothing to them.
 *
 *   | admin_gui_url | no page             | page of a trusted origin | any other page |
 *   |---------------|---------------------|--------------------------|----------------|
 *   | set           | first origin, true  | its origin, true         | first origin   |
 *   | not set       | `*`, true           |                          | nothing        |
 *
 * (the values of Access-Control-Allow-Origin and Access-Control-Allow-Credentials). Kong reflects any origin.
 */
export interface Cors {
  /** The fields for an answer to this request. */
  headers(request: IncomingHttpHeaders): Headers;
  /** Whether this request may not change anything. Source: Fetch Metadata Request Headers §2.3. */
  refusesWrite(request: IncomingHttpHeaders): boolean;
}

const CREDENTIALS = ["Access-Control-Allow-Credentials", "true"] as const;

const allow = (origin: string) => ["Access-Control-Allow-Origin", origin] as const;

/** `urls` are the values of `admin_gui_url`; throws a TypeError that names it when one is no address of a web page. */
export function createCors(urls: readonly string[]): Cors {
  const trusted = urls.map(originOf);
  const first = trusted[0];
  return {
    headers: ({ origin, "sec-fetch-site": site }) => {
      if (origin === undefined && site === undefined) return [allow(first ?? "*"), CREDENTIALS];
      if (origin !== undefined && trusted.includes(origin)) return [allow(origin), CREDENTIALS];
      return first === undefined ? [] : [allow(first)];
    },
    refusesWrite: ({ origin, "sec-fetch-site": site }) =>
      site === "cross-site" || (origin !== undefined && !trusted.includes(origin)),
  };
}

/** Other schemes than these have the origin `null`, which is also that of pages without any. */
function originOf(url: string): string {
  if (URL.canParse(url) && /^https?:/i.test(url)) return new URL(url).origin;
  throw new TypeError(`admin_gui_url: expected an address such as http://localhost:8002 and not '${url}'`);
}
