/**
 * Text as the value of a header field: beyond ASCII its UTF-8 bytes (one character each, as fields are written in latin1),
 * and a blank for every control character, so that a name in the database can never break a message.
 */
export function fieldValue(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(/[\x00-\x1f\x7f]/g, " ");
}

/** The text of a received field value: its bytes (one character each) as UTF-8. */
export function fieldText(value: string): string {
  return /^[\x00-\x7f]*$/.test(value) ? value : Buffer.from(value, "latin1").toString("utf8");
}

/**
 * The names, in lower case, by which a field that a configuration names is looked for: its own, then with `-` in the place
 * of `_`, as OpenResty's header table does.
 */
export function fieldNames(name: string): readonly string[] {
  const lower = name.toLowerCase();
  return lower.includes("_") ? [lower, lower.replaceAll("_", "-")] : [lower];
}
