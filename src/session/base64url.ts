const OUTSIDE_ALPHABET = /[^A-Za-z0-9_-]/;

/**
 * Decode base64url text the way nginx does (SPEC-session-v4 §2.1): only what stands before the first `=` counts, spare low
 * bits of the last character are ignored. Undefined for a character outside the alphabet and for an impossible length.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const end = text.indexOf("=");
  const input = end < 0 ? text : text.slice(0, end);
  // Buffer skips what it does not know and takes the standard alphabet too, so the check comes first.
  if (input.length % 4 === 1 || OUTSIDE_ALPHABET.test(input)) return undefined;
  return Buffer.from(input, "base64url");
}
