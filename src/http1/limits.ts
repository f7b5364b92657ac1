/** Bytes of a whole head, bytes of one line without its end, number of fields. */
export interface HeadLimits {
  readonly head: number;
  readonly line: number;
  readonly fields: number;
}

/** Room for a session in nine cookies. */
export const defaultLimits: HeadLimits = { head: 65536, line: 49152, fields: 200 };
