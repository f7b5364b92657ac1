import { fields, type RequestHead } from "../http1/index.ts";
import { authorityOf } from "./request-target.ts";

/** Methods as nginx takes them: lower-case ones would match no route, and be something else to some upstreams. */
const METHOD = /^[A-Z][A-Z_-]*$/;

/** The status for a request that is valid HTTP and still not served; undefined for all others. */
export function requestFault({ method, target, version, headers }: RequestHead): number | undefined {
  if (method !== "GET" && !METHOD.test(method)) return 400;
  if (method === "CONNECT") return 405;
  const authority = authorityOf(target);
  // RFC 9112 §3.2.2 has the target win, and an upstream may see Host win: there must be nothing to choose.
  if (authority !== undefined && headers.get("host")?.toLowerCase() !== authority.toLowerCase()) return 400;
  const expect = version === "1.1" ? headers.find(fields.expect) : undefined;
  return expect !== undefined && expect.toLowerCase() !== "100-continue" ? 417 : undefined;
}
