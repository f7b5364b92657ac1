import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Headers } from "../http1/index.ts";
import { createRouter, type RouteInput } from "./router.ts";
import type { RouteColumns, RouterFlavor } from "./router-rows.ts";

/**
 * The rules of SPEC-proxy §1.2 and §1.3 word by word: every route by each of its paths, all criteria tried on all of them, the
 * candidates that match compared. It shares nothing with the router but the types; regexes are JavaScript's, so only patterns
 * that mean the same there are drawn.
 */
function referenceMatch(rows: readonly RouteColumns[], flavor: RouterFlavor, request: RouteInput): string | undefined {
  let best: Candidate | undefined;
  for (const row of rows) {
    if (row.service?.enabled === false) continue;
    for (const path of row.paths?.length ? row.paths : [undefined]) {
      const candidate = { row, path };
      if (!matches(candidate, request, flavor)) continue;
      if (best === undefined || precedes(candidate, best, flavor)) best = candidate;
    }
  }
  return (
    best &&
    `${best.row.id} ${best.path === undefined || !best.row.strip_path ? "" : matchedText(best.path, request.path)}`
  );
}

interface Candidate {
  readonly row: RouteColumns;
  readonly path: string | undefined;
}

function matchedText(path: string, text: string): string | undefined {
  if (!path.startsWith("~")) return text.startsWith(path) ? path : undefined;
  return new RegExp(`^(?:${path.slice(1)})`).exec(text)?.[0];
}

function matches({ row, path }: Candidate, request: RouteInput, flavor: RouterFlavor): boolean {
  const { hosts, headers, methods, snis } = row;
  if (!hosts?.length && !Object.keys(headers ?? {}).length && !methods?.length && !snis?.length && path === undefined)
    return false;
  if (hosts?.length && !hosts.some((host) => hostFits(host, request))) return false;
  if (path !== undefined && matchedText(path, request.path) === undefined) return false;
  if (methods?.length && !methods.includes(request.method)) return false;
  if (snis?.length && request.tls && !snis.includes(request.serverName ?? "")) return false;
  return Object.entries(headers ?? {}).every(([name, values]) => {
    const same = (other: string) =>
      other.toLowerCase().replaceAll("_", "-") === name.toLowerCase().replaceAll("_", "-");
    const { list } = request.headers as Headers;
    const sent = list.filter((_, i) => i % 2 === 1 && same(list[i - 1]!)).map((value) => value.toLowerCase());
    return sent.some((text) =>
      values.some((value) => {
        const regex = value.startsWith("~*") && (values.length === 1 || flavor === "traditional_compatible");
        return regex ? new RegExp(value.slice(2), "i").test(text) : value.toLowerCase() === text;
      }),
    );
  });
}

function hostFits(pattern: string, { host, port }: RouteInput): boolean {
  const [name = "", wanted] = pattern.split(":");
  if (wanted !== undefined && Number(wanted) !== port) return false;
  if (name.startsWith("*")) return host.endsWith(name.slice(1)) && host.length > name.length - 1;
  if (name.endsWith("*")) return host.startsWith(name.slice(0, -1));
  return name === host;
}

/** Whether `a` wins against `b`; of paths of one route that rank the same, the first. */
function precedes(a: Candidate, b: Candidate, flavor: RouterFlavor): boolean {
  const compatible = flavor === "traditional_compatible";
  const count = (of: (candidate: Candidate) => number) => of(a) - of(b);
  const isRegex = ({ path }: Candidate) => (path?.startsWith("~") ? 1 : 0);
  const has = (value: object | null | undefined) => (value && Object.keys(value).length > 0 ? 1 : 0);
  const kinds = ({ row, path }: Candidate) => [
    has(row.hosts),
    has(row.headers),
    path === undefined ? 0 : 1,
    has(row.methods),
    has(row.snis),
  ];
  const wildcards = ({ row }: Candidate) => row.hosts?.filter((host) => host.includes("*")) ?? [];
  const onlyPlain = (one: Candidate) => (has(one.row.hosts) && wildcards(one).length === 0 ? 1 : 0);
  const wildcardPort = (one: Candidate) => (wildcards(one).some((host) => host.includes(":")) ? 1 : 0);
  const headerCount = ({ row }: Candidate) => Object.keys(row.headers ?? {}).length;
  const priority = (one: Candidate) => (isRegex(one) ? one.row.regex_priority : 0);
  const plainLength = (one: Candidate) => (isRegex(one) ? 0 : (one.path?.length ?? 0));
  const created = ({ row }: Candidate) => -(row.created_at ?? 0);
  const kindWeights = (one: Candidate) => Number.parseInt(kinds(one).join(""), 2);
  const kindCount = (one: Candidate) => kinds(one).filter((kind) => kind === 1).length;
  const steps = compatible
    ? [kindCount, onlyPlain, headerCount, isRegex, priority, plainLength]
    : [kindCount, kindWeights, wildcardPort, onlyPlain, isRegex, headerCount, priority, plainLength, created];
  for (const step of steps) if (count(step) !== 0) return count(step) > 0;
  return a.row.id > b.row.id;
}

const some = <T>(values: readonly T[], maxLength: number) =>
  fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength }), { nil: null, freq: 2 });
const PATHS = [
  "/",
  "/a",
  "/ab",
  "/a/b",
  "/a/",
  "/b",
  "/a/b/c",
  "~/a",
  "~/[ab]/?",
  "~/a(/b)?$",
  "~/(a|b)/(?<x>\\w+)",
  "~/a|/b",
  "~.*b$",
  "~/ab*/?c?",
];
const HOSTS = ["a.test", "b.a.test", "*.a.test", "*.test", "a.*", "b.a.*", "a.test:80", "*.test:81", "b.*:80"];

const columns = fc.record({
  paths: some(PATHS, 4),
  hosts: some(HOSTS, 3),
  methods: some(["GET", "POST", "PUT"], 2),
  headers: fc.option(
    fc.dictionary(
      fc.constantFrom("x-a", "X_B"),
      fc.uniqueArray(fc.constantFrom("1", "Two", "~*^t", "~*o"), { minLength: 1, maxLength: 2 }),
      {
        maxKeys: 2,
      },
    ),
    { nil: null, freq: 2 },
  ),
  snis: fc.option(fc.constantFrom(["a.test"], ["b.test", "a.test"]), { nil: null, freq: 2 }),
  regex_priority: fc.constantFrom(0, 0, 1, -1),
  created_at: fc.integer({ min: 1, max: 3 }),
  strip_path: fc.boolean(),
  service: fc.constantFrom(null, { id: "s", enabled: true }, { id: "s", enabled: false }),
});

const request = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE"),
  host: fc.constantFrom("a.test", "b.a.test", "c.b.a.test", "test", ".a.test", "a.", "A.test", ""),
  port: fc.constantFrom(80, 81, 8000),
  path: fc.constantFrom("/", "/a", "/ab", "/a/b", "/a/b/c", "/b/x", "/abc", "/c/b", "/a/"),
  headers: fc
    .array(fc.tuple(fc.constantFrom("X-A", "x_a", "x-b", "X_B"), fc.constantFrom("1", "two", "TOO", "")), {
      maxLength: 2,
    })
    .map((fields) => new Headers(fields.flat())),
  tls: fc.boolean(),
  serverName: fc.constantFrom("a.test", "c.test", undefined),
});

test("on any table and request, the router's winner is that of the rules tried one by one", () => {
  let matched = 0;
  fc.assert(
    fc.property(
      fc.array(columns, { maxLength: 12 }),
      fc.array(request, { minLength: 1, maxLength: 12 }),
      (tables, requests) => {
        const rows = tables.map((row, i) => ({
          ...row,
          id: String((i * 7) % 13).padStart(2, "0"),
          protocols: ["http", "https"],
          https_redirect_status_code: 426,
          path_handling: "v0" as const,
          preserve_host: false,
        }));
        for (const flavor of ["traditional_compatible", "traditional"] as const) {
          const router = createRouter<RouteColumns>(rows, { flavor });
          for (const asked of requests) {
            const match = router.match(asked);
            const won = match && `${match.route.row.id} ${match.prefix ?? ""}`;
            assert.equal(won, referenceMatch(rows, flavor, asked), flavor);
            if (match) matched++;
          }
        }
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(matched > 1000, `only ${matched} of the requests matched anything`);
});
