/** How bytes are written in a cookie: base64 with `-` and `_`, or lower-case hexadecimal (SPEC-session-v2-v3 §1). */
export interface Encoding {
  encode(bytes: Uint8Array): string;
  /** Undefined when the text is none of this encoding. */
  decode(text: string): Buffer | undefined;
}

const OUTSIDE_BASE64 = /[^A-Za-z0-9+/_-]/;
const PADDING = /[.=].*$/s;
const HEX = /^(?:[0-9a-fA-F]{2})*$/;

/**
 * Both releases': 3.x writes no padding and 2.x dots, and what follows either counts no more, as in nginx. The alphabet is
 * base64url's or base64's.
 */
const base64: Encoding = {
  encode: (bytes) => Buffer.from(bytes).toString("base64url"),
  decode(text) {
    const input = text.replace(PADDING, "");
    if (input.length % 4 === 1 || OUTSIDE_BASE64.test(input)) return undefined;
    return Buffer.from(input, "base64url");
  },
};

const hex: Encoding = {
  encode: (bytes) => Buffer.from(bytes).toString("hex"),
  decode: (text) => (HEX.test(text) ? Buffer.from(text, "hex") : undefined),
};

export const encodings = { base64, base16: hex, hex } as const;
