/** Room for a head before what has arrived, so that both can leave as one piece. */
const ROOM = 8192;

/** `arrivals` with the room before it, which is for `Wire` alone. */
export const memory = Buffer.allocUnsafeSlow(ROOM + 262_144);

/** Where plain connections read into, all of them: only one is read at a time. */
export const arrivals = memory.subarray(ROOM);

/** The beginnings of `arrivals`, by their length: to make one takes longer than to look it up. */
const beginnings: Buffer[] = [];
let lastLong = arrivals;

/** The first bytes of `arrivals`. */
export function arrived(length: number): Buffer {
  if (length <= 4096) return (beginnings[length] ??= arrivals.subarray(0, length));
  if (length !== lastLong.length) lastLong = arrivals.subarray(0, length);
  return lastLong;
}
