import type { Body } from "./body.ts";
import type { Arguments } from "./form.ts";

/** One request, as the handler of its route meets it. */
export interface Call {
  /** The decoded texts in the places of the route's parameters, from left to right. */
  readonly params: readonly string[];
  readonly query: Arguments;
  /** Of POST, PUT and PATCH; empty for the others. */
  readonly body: Body;
}

/** The first value of a query argument; undefined when it was not sent. */
export function argument(call: Call, name: string): unknown {
  return call.query.find(([key]) => key === name)?.[1];
}

/** The first parameter of the path, on routes that have one. */
export const firstParam = (call: Call): string => call.params[0] ?? "";
