import { type Criteria, isRegexPath, type RouteColumns, type RouterFlavor } from "./router-rows.ts";

/**
 * What decides between routes that match the same request, compared from the first element: the larger number wins, of texts
 * the larger too. Source: SPEC-proxy §1.3.
 */
export type Rank = readonly (number | string)[];

/** Kong packs the number of headers into eight bits (transform.lua), so more of them do not rank higher. */
const MOST_HEADERS = 255;

/** The rank of a route by one of its paths (undefined when it has none): routes with several compete once by each. */
export function rankOf(row: RouteColumns, criteria: Criteria, path: string | undefined, flavor: RouterFlavor): Rank {
  const { methods, hosts, headers, snis } = criteria;
  const present = [hosts, headers, path, methods, snis].map((criterion) => (criterion === undefined ? 0 : 1));
  const kinds = present.reduce<number>((sum, bit) => sum + bit, 0);
  const wildcards = hosts?.filter((host) => host.includes("*")) ?? [];
  const plainHosts = hosts && wildcards.length === 0 ? 1 : 0;
  const regex = path !== undefined && isRegexPath(path) ? 1 : 0;
  const regexPriority = regex ? row.regex_priority : 0;
  const length = path === undefined || regex ? 0 : path.length;

  if (flavor === "traditional_compatible") {
    const headerCount = Math.min(headers?.length ?? 0, MOST_HEADERS);
    return [kinds, plainHosts, headerCount, regex, regexPriority, length, row.id];
  }
  const weights = present.reduce<number>((sum, bit) => sum * 2 + bit, 0);
  const wildcardWithPort = wildcards.some((host) => host.includes(":")) ? 1 : 0;
  const subWeight = wildcardWithPort * 4 + plainHosts * 2 + regex;
  return [kinds, weights, subWeight, headers?.length ?? 0, regexPriority, length, -(row.created_at ?? 0), row.id];
}

/** For sorting: negative when `a` wins. */
export function compareRanks(a: Rank, b: Rank): number {
  for (let i = 0; i < a.length; i++) {
    const left = a[i]!;
    const right = b[i]!;
    if (left !== right) return left > right ? -1 : 1;
  }
  return 0;
}
