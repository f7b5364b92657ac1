/** The columns of a service that the router reads; the row itself is passed on whole. Source: SPEC-entities §2. */
export interface ServiceColumns {
  readonly id: string;
  readonly enabled: boolean;
  readonly path?: string | null | undefined;
}

/** The columns of a route that routing and proxying read; absent, null and empty criteria are the same. Source: SPEC-entities §3. */
export interface RouteColumns {
  readonly id: string;
  readonly name?: string | null | undefined;
  /** Seconds since the epoch. */
  readonly created_at?: number | null | undefined;
  readonly protocols: readonly string[];
  readonly methods?: readonly string[] | null | undefined;
  readonly hosts?: readonly string[] | null | undefined;
  readonly paths?: readonly string[] | null | undefined;
  readonly headers?: Readonly<Record<string, readonly string[]>> | null | undefined;
  readonly snis?: readonly string[] | null | undefined;
  readonly https_redirect_status_code: number;
  readonly regex_priority: number;
  readonly strip_path: boolean;
  readonly path_handling: "v0" | "v1";
  readonly preserve_host: boolean;
  /** The service's row, not only its id; null for a route without service. */
  readonly service?: ServiceColumns | null | undefined;
}

export type RouterFlavor = "traditional_compatible" | "traditional";

/** A route's criteria, of which each is absent or has at least one value; plain paths have one character per byte. */
export interface Criteria {
  readonly methods: ReadonlySet<string> | undefined;
  readonly hosts: readonly string[] | undefined;
  readonly paths: readonly string[] | undefined;
  readonly headers: readonly (readonly [name: string, values: readonly string[]])[] | undefined;
  readonly snis: readonly string[] | undefined;
}

/** The criteria of a row, with what does not count left out: empty lists, and headers without values or named `host`. */
export function criteriaOf(row: RouteColumns): Criteria {
  const headers = Object.entries(row.headers ?? {})
    .map(([name, values]) => [name.toLowerCase(), values] as const)
    .filter(([name, values]) => name !== "host" && values.length > 0);
  return {
    methods: row.methods?.length ? new Set(row.methods) : undefined,
    hosts: row.hosts?.length ? row.hosts : undefined,
    paths: row.paths?.length ? row.paths.map((path) => (isRegexPath(path) ? path : bytesOf(path))) : undefined,
    headers: headers.length ? headers : undefined,
    snis: row.snis?.length ? row.snis : undefined,
  };
}

function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function isRegexPath(path: string): boolean {
  return path.startsWith("~");
}
