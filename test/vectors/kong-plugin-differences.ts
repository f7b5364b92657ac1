/** Where the session plugin does better than Kong's: what is asserted instead of the vector's answer. */
export interface Difference {
  readonly vector: string;
  /** Counted from 0. */
  readonly request: number;
  readonly reason: string;
  /** The whole answer, where the request fares otherwise. */
  readonly response?: { readonly status: number; readonly body: string };
  /** Headers that the upstream does not get from us. */
  readonly withheld?: readonly string[];
  /** The live rows, `session_id` and expiry. */
  readonly rows?: readonly (readonly [id: string, expires: number])[];
}

const spoofed =
  "a client's own Session-* headers never reach the upstream; on Kong they do where no session replaces them";
const raised = "a replaced row keeps what is left of its life; Kong lengthens it to stale_ttl";

const k4 = {
  first: "bXmmO8iqq9QE_y3hJAFjbhfCviGJaRDPMsqD2EL0RDg",
  second: "P2MiS7qdaFysorpGZQsLtV50DQ4_LnIj1WWI8Q8mvho",
  third: "PfGTXUrAUgPYRQ25AJrMPYvFrDLsSNP_APrq-AbfvBs",
};
const x18 = {
  first: "jZyxdDfrncw2iH32LIXcUqUTtfzm1Dlr1KtfvMHvg8Q",
  second: "Yek8eMxjELQelbHIxIroWMGnmKzE6xFmndBdapjT_SA",
  third: "aJT5gBd22WGKMoXa9Ujd6pozpviH0fzCkpxZXi8Lt98",
};

export const differences: readonly Difference[] = [
  {
    vector: "K4",
    request: 3,
    reason: raised,
    rows: [
      [k4.first, 1_900_000_004],
      [k4.second, 1_900_000_008],
    ],
  },
  { vector: "K4", request: 4, reason: raised, rows: [[k4.second, 1_900_000_008]] },
  { vector: "K4", request: 5, reason: raised, rows: [[k4.second, 1_900_000_008]] },
  { vector: "K4", request: 6, reason: raised, rows: [[k4.second, 1_900_000_008]] },
  {
    vector: "K4",
    request: 7,
    reason: raised,
    rows: [
      [k4.second, 1_900_000_008],
      [k4.third, 1_900_000_012],
    ],
  },
  {
    vector: "X18",
    request: 2,
    reason: raised,
    rows: [
      [x18.first, 1_900_002_711],
      [x18.second, 1_900_006_301],
      [x18.third, 1_900_006_305],
    ],
  },
  {
    vector: "X18",
    request: 3,
    reason: `${raised}, so that an old cookie that is used again and again never ends`,
    response: { status: 403, body: "So it goes." },
    rows: [
      [x18.second, 1_900_006_301],
      [x18.third, 1_900_006_305],
    ],
  },
  { vector: "X10", request: 0, reason: spoofed, withheld: ["session-id", "session-subject"] },
  { vector: "X10", request: 1, reason: spoofed, withheld: ["session-id"] },
];
