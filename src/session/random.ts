import { randomFillSync } from "node:crypto";

const POOL = 4096;
const pool = new Uint8Array(POOL);
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
  const end = used + size;
  const bytes = pool.slice(used, end);
  pool.fill(0, used, end);
  used = end;
  return bytes;
}
