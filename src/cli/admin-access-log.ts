import type { AdminParts } from "../admin/index.ts";
import type { Stores } from "../entities/index.ts";
import { MASK, type Masker } from "../log.ts";
import type { ProcessLogs } from "./process-log.ts";

/** What writes a line for each request to the Admin API; undefined when that log is off. */
export function logAdminRequests({ masker, openAccessLog }: ProcessLogs, stores: Stores): AdminParts["onAnswer"] {
  const accessLog = openAccessLog("admin_access_log");
  const collections = secretCollections(stores, masker);
  return (
    accessLog &&
    (({ request, requestId, status, bytes }) => {
      const { headers, socket } = request;
      accessLog.log({
        address: (socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
        time: Date.now(),
        method: request.method ?? "",
        target: maskPath(request.url ?? "", collections),
        httpVersion: request.httpVersion,
        status,
        bytes,
        referer: headers.referer,
        userAgent: headers["user-agent"],
        requestId,
      });
    })
  );
}

/** The words in paths after which a row may be named by its secret, as a key in `/key-auths/{key}`. */
function secretCollections({ entities }: Stores, masker: Masker): ReadonlySet<string> {
  const keyed = entities.filter(({ endpoint_key }) => endpoint_key !== undefined && masker.isSecret(endpoint_key));
  return new Set(
    keyed.flatMap(({ name, admin_api_name, admin_api_nested_name }) => [
      name,
      admin_api_name ?? name,
      admin_api_nested_name ?? name,
    ]),
  );
}

/** Ids are shown: they name a row without being worth anything elsewhere. */
function maskPath(target: string, collections: ReadonlySet<string>): string {
  const [, path = "", query = ""] = /^([^?]*)(.*)$/s.exec(target)!;
  const segments = path.split("/");
  const isShown = (segment: string, index: number) =>
    !collections.has(segments[index - 1] ?? "") ||
    segment === "" ||
    /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(segment);
  return segments.map((segment, index) => (isShown(segment, index) ? segment : MASK)).join("/") + query;
}
