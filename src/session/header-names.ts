/** The session headers by the names that options and calls give them (SPEC-session-v4 §11). */
const headers = {
  id: "Session-Id",
  audience: "Session-Audience",
  subject: "Session-Subject",
  timeout: "Session-Timeout",
  "idling-timeout": "Session-Idling-Timeout",
  "rolling-timeout": "Session-Rolling-Timeout",
  "absolute-timeout": "Session-Absolute-Timeout",
} as const;

/** A property that can be sent as a header. */
export type HeaderProperty = keyof typeof headers;

/** Every header a session may set, as it is written. */
export const sessionHeaderNames: readonly string[] = Object.values(headers);

/** A property's name with dashes for underscores, both of which are accepted. */
export const dashed = (name: string): string => name.replaceAll("_", "-");

/** The property a header option names, in its dashed spelling. Undefined for any other value. */
export function headerPropertyOf(name: unknown): HeaderProperty | undefined {
  if (typeof name !== "string") return undefined;
  const property = dashed(name);
  return Object.hasOwn(headers, property) ? (property as HeaderProperty) : undefined;
}

/** The HTTP name of a property's header. */
export const headerName = (property: HeaderProperty): string => headers[property];
