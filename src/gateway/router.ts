import type { Captures, RegexMatch } from "./regex.ts";
import { HostTable } from "./router-hosts.ts";
import { Literals } from "./router-literals.ts";
import type { RouteColumns, RouterFlavor } from "./router-rows.ts";
import { acceptsOthers, type CompiledRoute, compileRules, type HeaderLookup, type Rule } from "./router-rules.ts";

/** What routes look at. The caller may use one record again and again: the router keeps nothing of it. */
export interface RouteInput {
  method: string;
  /** The Host header's name without port (`readHost`), in its case; empty when there is none. */
  host: string;
  /** The Host header's port (`readHost`), else the port the connection came in on. */
  port: number;
  /** As `normalizePath` gives it. */
  path: string;
  headers: HeaderLookup;
  tls: boolean;
  /** The name asked for by SNI. */
  serverName: string | undefined;
}

export interface Match<R extends RouteColumns = RouteColumns> {
  readonly route: CompiledRoute<R>;
  /** What the route strips from the path; undefined when it strips nothing (`strip_path` is off, or it has no paths). */
  readonly prefix: string | undefined;
  /** The groups of a regex path. */
  readonly captures: Captures | undefined;
}

export interface Router<R extends RouteColumns = RouteColumns> {
  /** The route that wins for this request; undefined when none matches. */
  match(input: RouteInput): Match<R> | undefined;
}

/**
 * Compile routes for matching. Every criterion that a route has must be met; of the routes that match, the first in Kong's
 * order wins. The cost of a match depends on the request's host and path and on how many routes share them, not on the
 * number of routes: hosts and the literal beginnings of paths (of regex paths too) are looked up, and only the routes found
 * so are tried. Matches are not remembered: the key for that costs more than the match. Throws `RegexSyntaxError`, naming
 * the route, for a regex that the engine cannot do. Source: SPEC-proxy §1.
 */
export function createRouter<R extends RouteColumns>(
  rows: readonly R[],
  { flavor }: { readonly flavor: RouterFlavor },
): Router<R> {
  const hosts = new HostTable<PathTable<R>>(createPathTable);
  for (const rule of compileRules(rows, flavor)) {
    for (const host of new Set<string | undefined>(rule.hosts ?? [undefined])) addRule(hosts.value(host), rule);
  }
  return new CompiledRouter(hosts);
}

/** The rules for one host pattern, by what the path must begin with; every list in order. */
interface PathTable<R extends RouteColumns> {
  readonly anyPath: Rule<R>[];
  readonly byBeginning: Literals<Rule<R>[]>;
}

function createPathTable<R extends RouteColumns>(): PathTable<R> {
  return { anyPath: [], byBeginning: new Literals("beginnings") };
}

/** Rules come in order, so that appending keeps the lists sorted. */
function addRule<R extends RouteColumns>(table: PathTable<R>, rule: Rule<R>): void {
  const rules = rule.literal === undefined ? table.anyPath : table.byBeginning.value(rule.literal, () => []);
  rules.push(rule);
}

class CompiledRouter<R extends RouteColumns> implements Router<R> {
  readonly #hosts: HostTable<PathTable<R>>;
  readonly #tables: PathTable<R>[] = [];
  readonly #lists: Rule<R>[][] = [];
  #best: Rule<R> | undefined;
  #found: RegexMatch | undefined;

  constructor(hosts: HostTable<PathTable<R>>) {
    this.#hosts = hosts;
  }

  match(input: RouteInput): Match<R> | undefined {
    this.#best = undefined;
    this.#found = undefined;
    const tables = this.#hosts.find(input.host, input.port, this.#tables);
    for (let t = 0; t < tables; t++) {
      const { anyPath, byBeginning } = this.#tables[t]!;
      const lists = byBeginning.find(input.path, this.#lists);
      // Longest first, since the longest path wins among equals and ends the search in the other lists at once.
      for (let l = lists - 1; l >= 0; l--) this.#try(this.#lists[l]!, input);
      this.#try(anyPath, input);
    }
    const best = this.#best as Rule<R> | undefined;
    if (best === undefined) return undefined;
    const found = this.#found as RegexMatch | undefined;
    const prefix = best.route.row.strip_path ? (found ? found.prefix : best.literal) : undefined;
    return { route: best.route, prefix, captures: found?.captures };
  }

  /** Keep the first rule of the list that the request meets, if it comes before the best one so far. */
  #try(rules: readonly Rule<R>[], input: RouteInput): void {
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!;
      if (this.#best !== undefined && rule.order > this.#best.order) return;
      if (!acceptsOthers(rule, input)) continue;
      const found = rule.regex?.match(input.path);
      if (rule.regex !== undefined && found === undefined) continue;
      this.#best = rule;
      this.#found = found;
      return;
    }
  }
}
