import { compileHeaderRegex, compileRouteRegex, type RouteRegex } from "./regex.ts";
import { compareRanks, type Rank, rankOf } from "./router-rank.ts";
import { criteriaOf, isRegexPath, type RouteColumns, type RouterFlavor } from "./router-rows.ts";
import { createUpstreamPath, type UpstreamPath } from "./upstream-path.ts";

/** The fields of a request by lower-case name; empty when there are none. */
export interface HeaderLookup {
  getAll(lowercaseName: string): readonly string[];
}

/** A route as requests meet it: its row and all that follows from it. */
export interface CompiledRoute<R extends RouteColumns = RouteColumns> {
  readonly row: R;
  /** The service's row; undefined for a route without service. */
  readonly service: NonNullable<R["service"]> | undefined;
  /** gRPC routes match like others; the gateway then answers that it does not proxy them. Source: SPEC-proxy §2. */
  readonly grpc: boolean;
  /** Requests whose forwarded protocol is not https are turned away with `https_redirect_status_code`. */
  readonly secureOnly: boolean;
  /** For `upstreamTarget`. */
  readonly upstreamPath: UpstreamPath;
}

/** One way to match a route: by one of its paths. The path's literal beginning is looked up elsewhere, and so is the host. */
export interface Rule<R extends RouteColumns> {
  readonly route: CompiledRoute<R>;
  /** The place among all rules: where several match, the smallest wins. */
  order: number;
  readonly rank: Rank;
  readonly hosts: readonly string[] | undefined;
  /** What the path must begin with; undefined when any path will do. */
  readonly literal: string | undefined;
  readonly regex: RouteRegex | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  readonly headers: readonly HeaderRule[] | undefined;
  readonly snis: SniRule | undefined;
}

/** All rules of the routes, the winning ones first. Throws `RegexSyntaxError` naming the route. */
export function compileRules<R extends RouteColumns>(rows: readonly R[], flavor: RouterFlavor): Rule<R>[] {
  const rules = rows.filter(isRouted).flatMap((row) => rulesOf(row, flavor));
  rules.sort((a, b) => compareRanks(a.rank, b.rank));
  for (const [order, rule] of rules.entries()) rule.order = order;
  return rules;
}

const ROUTED = new Set(["http", "https", "grpc", "grpcs"]);

/** Stream routes and those of disabled services are not routed here. The first protocol tells which kind it is. */
function isRouted({ protocols, service }: RouteColumns): boolean {
  return ROUTED.has(protocols[0] ?? "") && service?.enabled !== false;
}

function rulesOf<R extends RouteColumns>(row: R, flavor: RouterFlavor): Rule<R>[] {
  const criteria = criteriaOf(row);
  if (Object.values(criteria).every((criterion) => criterion === undefined)) return [];
  const route = compileRoute(row, flavor);
  try {
    const headers = criteria.headers?.map(([name, values]) => compileHeader(name, values, flavor));
    const shared = {
      route,
      order: 0,
      hosts: criteria.hosts,
      methods: criteria.methods,
      headers,
      snis: criteria.snis && compileSnis(criteria.snis),
    };
    const paths: readonly (string | undefined)[] = criteria.paths ?? [undefined];
    return paths.map((path) => ({ ...shared, ...compilePath(path), rank: rankOf(row, criteria, path, flavor) }));
  } catch (error) {
    if (error instanceof Error) error.message = `route ${row.name ?? row.id}: ${error.message}`;
    throw error;
  }
}

function compileRoute<R extends RouteColumns>(row: R, flavor: RouterFlavor): CompiledRoute<R> {
  const protocols = new Set(row.protocols);
  const service = (row.service ?? undefined) as NonNullable<R["service"]> | undefined;
  const handling = flavor === "traditional" ? row.path_handling : "v0";
  return {
    row,
    service,
    grpc: protocols.has("grpc") || protocols.has("grpcs"),
    secureOnly: protocols.has("https") && !protocols.has("http"),
    upstreamPath: createUpstreamPath(service?.path, row.strip_path, handling),
  };
}

function compilePath(path: string | undefined): { literal: string | undefined; regex: RouteRegex | undefined } {
  if (path === undefined || !isRegexPath(path)) return { literal: path, regex: undefined };
  const regex = compileRouteRegex(path.slice(1));
  return { literal: regex.literalPrefix, regex };
}

/** A header that must be present with one of the values; `-` and `_` in its name are the same. */
interface HeaderRule {
  /** The spellings of the name to look for. */
  readonly names: readonly string[];
  /** In lower case. */
  readonly values: ReadonlySet<string>;
  readonly patterns: readonly { test(value: string): boolean }[];
}

const REGEX_MARK = "~*";

/** In `traditional`, a value is a regex only when it is the only one. Source: SPEC-proxy §1.2. */
function compileHeader(name: string, values: readonly string[], flavor: RouterFlavor): HeaderRule {
  const isPattern = (value: string) =>
    value.startsWith(REGEX_MARK) && (values.length === 1 || flavor === "traditional_compatible");
  return {
    names: [...new Set([name, name.replaceAll("_", "-"), name.replaceAll("-", "_")])],
    values: new Set(values.filter((value) => !isPattern(value)).map((value) => value.toLowerCase())),
    patterns: values.filter(isPattern).map((value) => compileHeaderRegex(value.slice(REGEX_MARK.length))),
  };
}

function hasHeader(rule: HeaderRule, headers: HeaderLookup): boolean {
  for (const name of rule.names) {
    for (const value of headers.getAll(name)) {
      if (rule.values.has(value.toLowerCase())) return true;
      for (const pattern of rule.patterns) if (pattern.test(value)) return true;
    }
  }
  return false;
}

interface SniRule {
  readonly exact: ReadonlySet<string>;
  /** Beginnings and ends of names with a wildcard. */
  readonly prefixes: readonly string[];
  readonly suffixes: readonly string[];
}

/** A dot at the end of a name does not count; a star at its begin or end stands for anything. */
function compileSnis(snis: readonly string[]): SniRule {
  const names = snis.map((sni) => (sni.length > 1 && sni.endsWith(".") ? sni.slice(0, -1) : sni));
  return {
    exact: new Set(names.filter((name) => !name.includes("*"))),
    prefixes: names.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1)),
    suffixes: names.filter((name) => name.startsWith("*")).map((name) => name.slice(1)),
  };
}

function hasSni(rule: SniRule, serverName: string | undefined): boolean {
  if (serverName === undefined) return false;
  if (rule.exact.has(serverName)) return true;
  for (const prefix of rule.prefixes) if (serverName.startsWith(prefix)) return true;
  for (const suffix of rule.suffixes) if (serverName.endsWith(suffix)) return true;
  return false;
}

/** The criteria that are neither host nor path. Server names count for requests over TLS only. */
export interface OtherFacts {
  readonly method: string;
  readonly headers: HeaderLookup;
  readonly tls: boolean;
  readonly serverName?: string | undefined;
}

export function acceptsOthers<R extends RouteColumns>(rule: Rule<R>, request: OtherFacts): boolean {
  if (rule.methods !== undefined && !rule.methods.has(request.method)) return false;
  if (rule.snis !== undefined && request.tls && !hasSni(rule.snis, request.serverName)) return false;
  if (rule.headers !== undefined)
    for (const header of rule.headers) if (!hasHeader(header, request.headers)) return false;
  return true;
}
