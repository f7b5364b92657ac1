import fc from "fast-check";

/** `FUZZ_RUNS` multiplies the number of cases, `FUZZ_SEED` repeats a run that failed. */
const factor = Number(process.env["FUZZ_RUNS"] ?? 1);
const seed = process.env["FUZZ_SEED"];
export const runs = (numRuns: number): object => ({
  numRuns: numRuns * factor,
  ...(seed !== undefined && { seed: Number(seed) }),
});

const snippets = [
  ...[
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    "\0",
    ":",
    ",",
    ";",
    '"',
    "\x0b",
    "\x7f",
    "\xa0",
    "\xff",
    "0",
    "5",
    "f",
    "-",
    "+",
    "0x",
  ],
  ...[
    "\r\n\r\n",
    "\r\n ",
    " :",
    "chunked",
    "identity",
    "close",
    "keep-alive",
    "HTTP/1.1",
    "HTTP/1.0",
    "0\r\n\r\n",
    ";a=b",
  ],
  ...[
    "Content-Length: 5\r\n",
    "content-length:5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\x0bchunked\r\n",
  ],
  ...["Connection: close\r\n", "Connection: upgrade\r\nUpgrade: x\r\n", "Host: other\r\n", "Expect: 100-continue\r\n"],
  ...["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "5\r\nhello\r\n", "HTTP/1.1 100 Continue\r\n\r\n"],
];

interface Mutation {
  at: number;
  remove: number;
  insert: string;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(400),
  remove: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(12)),
  insert: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...snippets) },
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  ),
});

/** These texts, changed in a few places: bytes removed, and bytes put in that mean something to HTTP. */
export function mutated(texts: readonly string[]): fc.Arbitrary<Buffer> {
  return fc.tuple(fc.constantFrom(...texts), fc.array(mutation, { maxLength: 4 })).map(([text, mutations]) => {
    let result = text;
    for (const { at, remove, insert } of mutations) {
      const start = at % (result.length + 1);
      result = result.slice(0, start) + insert + result.slice(start + remove);
    }
    return Buffer.from(result, "latin1");
  });
}

export function split(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.subarray(i, i + size));
  return pieces;
}
