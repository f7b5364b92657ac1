import type { Page, PageQuery } from "../entities/index.ts";
import { invalidOptions, invalidSize } from "../schema/index.ts";
import { type Answer, json } from "./answer.ts";
import { argument, type Call } from "./call.ts";

type Tags = NonNullable<PageQuery["tags"]>;

const MAX_SIZE = 1000;
const MAX_TAGS = 5;

/** `size` and `offset` of a list's query. Throws code 9 for another size than a whole number from 1 to 1000. */
export function pageQuery(call: Call): { readonly size?: number; readonly offset?: string } {
  const offset = argument(call, "offset");
  return { ...sizeQuery(call), ...(typeof offset === "string" && { offset }) };
}

function sizeQuery(call: Call): { readonly size?: number } {
  const sizes = call.query.filter(([name]) => name === "size");
  if (sizes.length === 0) return {};
  if (sizes.length > 1) throw invalidSize("size must be given once");
  const text = sizes[0]?.[1];
  const size = typeof text === "string" && text.trim() !== "" ? Number(text) : Number.NaN;
  if (Number.isNaN(size)) throw invalidSize("size must be a number");
  if (Number.isInteger(size) && size >= 1 && size <= MAX_SIZE) return { size };
  throw invalidSize(`size must be an integer between 1 and ${MAX_SIZE}`);
}

/** The filter `tags=a,b` (all of these) or `tags=a/b` (any). Throws code 11 for anything else. SPEC-admin-api §2.9. */
export function tagsQuery(call: Call): { readonly tags?: Tags } {
  const text = argument(call, "tags");
  if (text === undefined) return {};
  if (typeof text !== "string" || text === "") throw invalidOptions({ tags: "cannot be null" });
  const match = text.includes("/") ? "any" : "all";
  const names = text.split(match === "any" ? "/" : ",");
  if (names.some((name) => !/^[^\x00-\x1f,]+$/.test(name))) throw invalidOptions({ tags: "invalid filter syntax" });
  if (names.length > MAX_TAGS) throw invalidOptions({ tags: `cannot query more than ${MAX_TAGS} tags` });
  return { tags: { names, match } };
}

/**
 * One page of a list. `next` is the path of the page after it: `path` with its offset and, of the query arguments named
 * in `carried`, those that were sent. Source: SPEC-admin-api §2.8.
 */
export function pageAnswer(page: Page<unknown>, call: Call, path: string, carried: readonly string[]): Answer {
  const { data, offset } = page;
  if (offset === undefined) return json(200, { data, next: null });
  const rest = carried.flatMap((name) => {
    const value = argument(call, name);
    return typeof value === "string" ? [`&${name}=${encodeURIComponent(value)}`] : [];
  });
  return json(200, { data, next: `${path}?offset=${encodeURIComponent(offset)}${rest.join("")}`, offset });
}
