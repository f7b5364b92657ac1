import { randomFillSync } from "node:crypto";

const POOL = 4096;
const pool = Buffer.alloc(POOL);
let used = POOL;

/**
 * Random bytes for ids: as those of `node:crypto`, which are asked for many at once, as each call costs as much as the rest of
 * an id's use. What was handed out is wiped.
 */
export function randomId(size: number): Uint8Array {
  if (used + size > POOL) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Uint8Array.prototype.slice.call(pool, used, used + size);
  pool.fill(0, used, used + size);
  used += size;
  return bytes;
}
