import { isRecord } from "../schema/index.ts";
import { CommandError } from "./command.ts";
import type { AdminApi } from "./kong-http.ts";
import { asStored, type KongRow, type KongSource, kongCollections, modernize, pathOf } from "./kong-rows.ts";

/** The rows that a Kong's Admin API shows. Throws CommandError when it is none. */
export async function readKongAdmin(api: AdminApi): Promise<KongSource> {
  const release = await releaseOf(api);
  return {
    async *rows(entity) {
      for await (const row of pagesOf(api, pathOf(entity))) yield asStored(entity, modernize(entity, row, release));
    },
    async *unknown() {
      for (const [kind, path] of kongCollections) {
        for await (const row of pagesOf(api, path)) yield { kind, row };
      }
    },
  };
}

/** The release of Kong whose API this is: `[3, 9]`. */
export async function releaseOf(api: AdminApi): Promise<readonly [number, number]> {
  const { status, body } = await api.send("GET", "/");
  const [, major, minor] = /(\d+)\.(\d+)/.exec(isRecord(body) ? String(body["version"]) : "") ?? [];
  if (status === 200 && major && minor) return [Number(major), Number(minor)];
  throw new CommandError(`${api.name} is no Admin API: expected GET / to tell a version`);
}

/** All rows of a collection, page by page; none when there is no such collection. */
export async function* pagesOf(api: AdminApi, path: string): AsyncIterable<KongRow> {
  const seen = new Set<string>();
  for (let offset: string | undefined = ""; offset !== undefined; ) {
    if (seen.has(offset)) throw new CommandError(`GET ${api.name}${path} answers the same page again and again`);
    seen.add(offset);
    const { status, body } = await api.send("GET", listPath(path, offset));
    // Kong answers 400 for what is switched off.
    if ((status === 404 || status === 400) && offset === "") return;
    if (status !== 200 || !isRecord(body) || !isList(body["data"])) throw noList(api, path, status);
    yield* body["data"];
    offset = nextOf(body);
  }
}

const listPath = (path: string, offset: string): string =>
  `${path}?size=1000${offset === "" ? "" : `&offset=${encodeURIComponent(offset)}`}`;

const isList = (data: unknown): data is readonly KongRow[] => Array.isArray(data) && data.every(isRecord);

function nextOf(body: Readonly<Record<string, unknown>>): string | undefined {
  const { offset } = body;
  return typeof offset === "string" && offset !== "" ? offset : undefined;
}

const noList = (api: AdminApi, path: string, status: number) =>
  new CommandError(`GET ${api.name}${path} was answered with ${status}, and no list of rows`);
