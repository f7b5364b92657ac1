import { type Context, fieldNames, fieldText, readBodyArgs, removeBodyArg } from "../../gateway/index.ts";
import { type Awaitable, andThen } from "../../schema/index.ts";

/** Where keys may be; the names are those of the plugin's configuration. */
export interface KeyPlaces {
  readonly key_names: readonly string[];
  readonly key_in_header: boolean;
  readonly key_in_query: boolean;
  readonly key_in_body: boolean;
  readonly hide_credentials: boolean;
}

/** A name that carries more than one value. */
export const REPEATED = Symbol("repeated");

interface KeyName {
  readonly name: string;
  readonly fields: readonly string[];
}

/**
 * Makes the search for the key of a request: name by name, each in the headers, then the query, then the body. The body is
 * read only if the search comes so far. An empty text is a key that was found. A key found is hidden from the upstream where
 * the configuration says so, whether it is valid or not. Source: SPEC-auth-plugins §1.2.
 */
export function createKeySearch(places: KeyPlaces): (ctx: Context) => Awaitable<string | typeof REPEATED | undefined> {
  const { key_in_header, key_in_query, key_in_body, hide_credentials } = places;
  const names = places.key_names.map((name): KeyName => ({ name, fields: fieldNames(name) }));

  function search(ctx: Context, from: number): Awaitable<string | typeof REPEATED | undefined> {
    for (let i = from; i < names.length; i++) {
      const name = names[i]!;
      let value: unknown = key_in_header ? headerValue(ctx, name) : undefined;
      if (value === undefined && key_in_query) value = queryValue(ctx, name);
      if (value === undefined && key_in_body) {
        const args = readBodyArgs(ctx);
        // Once read, the arguments are there without a promise.
        if (args instanceof Promise) return args.then(() => search(ctx, i));
        value = args?.get(name.name);
      }
      if (typeof value === "string") return hide_credentials ? hide(ctx, name, value) : value;
      if (typeof value === "object" && value !== null) return REPEATED;
    }
    return undefined;
  }

  function hide(ctx: Context, { name, fields }: KeyName, key: string): Awaitable<string> {
    for (const field of fields) ctx.service.request.clearHeader(field);
    ctx.service.request.clearQueryArg(name);
    if (!key_in_body) return key;
    return andThen(readBodyArgs(ctx), () => {
      removeBodyArg(ctx, name);
      return key;
    });
  }

  return (ctx) => search(ctx, 0);
}

/** The value, or the values of a field that is repeated; undefined without such a field. */
function headerValue(ctx: Context, { fields }: KeyName): string | readonly string[] | undefined {
  for (const field of fields) {
    const values = ctx.request.headers.getAll(field);
    if (values.length > 0) return values.length === 1 ? fieldText(values[0]!) : values;
  }
  return undefined;
}

/** As `headerValue`; `true` for an argument without `=`. */
function queryValue(ctx: Context, { name }: KeyName): string | true | readonly unknown[] | undefined {
  if (ctx.request.rawQuery === undefined) return undefined;
  const values = ctx.request.query.get(name);
  return values && values.length > 1 ? values : values?.[0];
}
