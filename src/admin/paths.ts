import type { Answer } from "./answer.ts";
import type { Call } from "./call.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export type Handler = (call: Call) => Answer | Promise<Answer>;

/** One path of the API and what answers there, by method. HEAD and OPTIONS follow from these. */
export interface Route {
  /** With parameters in braces, as `/services/{services}/routes`. */
  readonly path: string;
  /** Whether a body may be YAML. */
  readonly takesYaml?: true;
  readonly methods: { readonly [M in Method]?: Handler };
}

/** A route that was found, and the raw texts in the places of its parameters. */
export interface Found {
  readonly route: Route;
  readonly params: readonly string[];
}

interface Place {
  readonly literals: Map<string, Place>;
  parameter?: Place;
  route?: Route;
}

/** Makes the search for the route of a path. A literal part goes before a parameter; one slash at the end is ignored. */
export function createPaths(routes: readonly Route[]): (path: string) => Found | undefined {
  const root = newPlace();
  for (const route of routes) {
    let place = root;
    for (const part of partsOf(route.path)) place = placeBelow(place, part);
    if (place.route) throw new Error(`${route.path} and ${place.route.path} are the same path`);
    place.route = route;
  }
  return (path) => (path.startsWith("/") ? find(root, partsOf(path), []) : undefined);
}

const newPlace = (): Place => ({ literals: new Map() });

function placeBelow(place: Place, part: string): Place {
  if (part.startsWith("{")) return (place.parameter ??= newPlace());
  const next = place.literals.get(part) ?? newPlace();
  place.literals.set(part, next);
  return next;
}

function partsOf(path: string): string[] {
  const parts = path.slice(1).split("/");
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

function find(place: Place, parts: readonly string[], params: readonly string[]): Found | undefined {
  const [part, ...rest] = parts;
  if (part === undefined) return place.route && { route: place.route, params };
  const literal = place.literals.get(part);
  const found = literal && find(literal, rest, params);
  if (found || part === "" || !place.parameter) return found;
  return find(place.parameter, rest, [...params, part]);
}
