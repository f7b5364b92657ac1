import { escapePath } from "./path.ts";

/** What a route and its service say about the path that goes upstream; compiled once. */
export interface UpstreamPath {
  /** The service's path, `/` when it has none. */
  readonly base: string;
  /** It needs no escapes. */
  readonly isPlain: boolean;
  readonly strip: boolean;
  readonly compose: (upstream: UpstreamPath, path: string, prefix: string | undefined) => string;
}

/** `handling` is what counts, that is, `v0` whatever the route says, unless the flavor is `traditional`. */
export function createUpstreamPath(
  servicePath: string | null | undefined,
  strip: boolean,
  handling: "v0" | "v1",
): UpstreamPath {
  const base = servicePath || "/";
  const isPlain = escapePath(base) === base;
  return { base, isPlain, strip, compose: handling === "v1" ? composeV1 : composeV0 };
}

/**
 * The request target for the upstream: the path composed and escaped, and the query byte for byte. `path` is normalised,
 * `prefix` is what the route matched of it (undefined when it has no paths), `query` starts with `?` or is empty. `isPlain`: the path
 * is known to need no escapes. Source: SPEC-proxy §3.
 */
export function upstreamTarget(
  upstream: UpstreamPath,
  path: string,
  prefix: string | undefined,
  query: string,
  isPlain?: boolean,
): string {
  const composed = upstream.compose(upstream, path, prefix);
  return (isPlain && upstream.isPlain ? composed : escapePath(composed)) + query;
}

/** Exactly one slash between base and rest; where nothing is left of the path, the final slash is the request's. */
function composeV0({ base, strip }: UpstreamPath, path: string, prefix: string | undefined): string {
  const stem = base.endsWith("/") ? base.slice(0, -1) : base;
  if (!strip) return path === "/" ? base : stem + path;
  const rest = restOf(path, prefix);
  if (rest !== "") return rest.charCodeAt(0) === SLASH ? stem + rest : `${stem}/${rest}`;
  if (base === "/" || path === "/") return base;
  return path.endsWith("/") ? `${stem}/` : stem;
}

/** Plain concatenation, with a double slash at the joint collapsed. */
function composeV1({ base, strip }: UpstreamPath, path: string, prefix: string | undefined): string {
  const rest = strip ? restOf(path, prefix) : path.slice(1);
  return strip && base.endsWith("/") && rest.charCodeAt(0) === SLASH ? base + rest.slice(1) : base + rest;
}

const SLASH = 0x2f;

/**
 * What is left of the path behind the prefix (without one, behind its slash). The cut can fall inside a segment and so make
 * a dot segment that was none: `/r` and `/r../x`; its dots are dropped, or it would climb out of the service's path.
 */
function restOf(path: string, prefix: string | undefined): string {
  const rest = path.slice(prefix === undefined ? 1 : prefix.length);
  if (rest.charCodeAt(0) !== DOT) return rest;
  if (rest === "." || rest === "..") return "";
  if (rest.startsWith("./")) return rest.slice(2);
  return rest.startsWith("../") ? rest.slice(3) : rest;
}

const DOT = 0x2e;
