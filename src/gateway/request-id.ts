import { randomFillSync } from "node:crypto";

const BYTES = 16;
const POOL = BYTES * 256;
let pool: Buffer | undefined;
let offset = POOL;

/** A new request id: 32 lower-case hexadecimal digits of random. */
export function createRequestId(): string {
  if (offset === POOL) {
    pool = randomFillSync(pool ?? Buffer.alloc(POOL));
    offset = 0;
  }
  const id = pool!.toString("hex", offset, offset + BYTES);
  offset += BYTES;
  return id;
}
