import {
  type Context,
  type Exit,
  exit,
  fieldText,
  readBodyArgs,
  readHost,
  type Services,
} from "../../gateway/index.ts";
import { isRecord } from "../../schema/index.ts";

/** Longer bodies, in bytes, are not shown. */
const MAX_BODY = 1024 * 1024;

/** The id of the one workspace that Kong's rows belong to. Source: SPEC-entities §9. */
const WORKSPACE = "0dc6f45b-8f8d-40d2-a504-473544ee190b";

/** Makes the answer that shows the request, its route and its service. Source: SPEC-auth-plugins §4.2. */
export function createEcho(
  status: number,
  message: string | undefined,
  node: Services["node"],
): (ctx: Context) => Promise<Exit> {
  const kong = { node_id: node.id, worker_pid: process.pid, hostname: node.hostname };
  return async (ctx) =>
    exit(status, {
      message,
      kong,
      request: await picture(ctx),
      matched_route: entity(ctx.match?.route.row.entity),
      matched_service: entity(ctx.match?.route.row.service),
    });
}

async function picture(ctx: Context): Promise<object> {
  const { request, match } = ctx;
  const { connection } = request.inbound;
  const body = await request.body.read(MAX_BODY);
  const args = body && (await readBodyArgs(ctx));
  return {
    scheme: connection.tls ? "https" : "http",
    host: readHost(request.headers.get("host") ?? "").name.toLowerCase(),
    port: connection.localPort,
    headers: byName(headersOf(request.headers.list)),
    query: byName(request.query),
    body: args && Object.fromEntries(args),
    raw_body: body && Buffer.from(body).toString("utf8"),
    method: request.method,
    path: request.path,
    uri_captures: { unnamed: match?.captures?.unnamed.slice(1) ?? [], named: match?.captures?.named ?? {} },
  };
}

function headersOf(list: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!.toLowerCase();
    const value = fieldText(list[i + 1]!);
    const known = headers.get(name);
    if (known) known.push(value);
    else headers.set(name, [value]);
  }
  return headers;
}

/** Single values as they are, several as a list. */
function byName(values: ReadonlyMap<string, readonly unknown[]>): object {
  return Object.fromEntries(Array.from(values, ([name, all]) => [name, all.length === 1 ? all[0] : all]));
}

/** A row as Kong has it in memory: of its workspace, and without what is not set. */
function entity(row: object | null | undefined): object | undefined {
  if (!isRecord(row)) return undefined;
  return { ...Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)), ws_id: WORKSPACE };
}
