import { randomFillSync } from "node:crypto";

const DIGITS = 32;
const IDS = 1024;
const pool = Buffer.alloc((IDS * DIGITS) / 2);
let digits = "";
let offset = 0;

/** A new request id: 32 lower-case hexadecimal digits of random. */
export function createRequestId(): string {
  if (offset === digits.length) {
    digits = randomFillSync(pool).toString("hex");
    offset = 0;
  }
  offset += DIGITS;
  return digits.slice(offset - DIGITS, offset);
}
