/** One attempt, sent on a fresh connection with an honest `GET @/follow` behind it. `@` stands for the path of the upstream. */
export interface Case {
  readonly name: string;
  readonly bytes: string;
  /** What the upstream sees, `METHOD path body`, each answered before the follow-up is; undefined when the attempt is refused. */
  readonly served?: readonly string[];
  /** Requests of which a refused attempt may have let the upstream see a beginning. */
  readonly begun?: readonly string[];
  /** Which engine ends the connection behind these. */
  readonly endedBy?: "node" | "both";
}

const SMUGGLED = "GET @/smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
const CHUNKED = "5\r\nhello\r\n0\r\n\r\n";

function post(fields: string, body: string, line = "POST @/a HTTP/1.1"): string {
  return `${line}\r\nHost: h\r\n${fields}\r\n\r\n${body}`;
}

/** Refused, whatever stands behind the head: read as a body or as a request, it must not reach anybody. */
const refusedFields = (group: string, fields: readonly string[], body: string): Case[] =>
  fields.map((field) => ({ name: `${group}: ${JSON.stringify(field)}`, bytes: post(field, body) }));

const refusedChunks = (bodies: readonly string[]): Case[] =>
  bodies.map((body) => ({
    name: `chunks: ${JSON.stringify(body)}`.slice(0, 80),
    bytes: post("Transfer-Encoding: chunked", body + SMUGGLED),
    begun: ["POST @/a"],
  }));

const refusedLines = (lines: readonly string[]): Case[] =>
  lines.map((line) => ({ name: `request line: ${JSON.stringify(line)}`, bytes: post("X: y", SMUGGLED, line) }));

/**
 * The published families (CL.TE, TE.CL and TE.TE of "HTTP Desync Attacks" 2019, CL.0 and 0.CL of "Browser-Powered Desync Attacks"
 * 2022 and "HTTP/1.1 must die" 2025, the chunk extension and line terminator cases of 2024 and 2025), and what RFC 9112 names.
 */
export const cases: readonly Case[] = [
  // Two lengths
  { name: "CL.TE", bytes: post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG") },
  { name: "TE.CL", bytes: post("Transfer-Encoding: chunked\r\nContent-Length: 3", `2b\r\n${SMUGGLED}\r\n0\r\n\r\n`) },
  {
    name: "CL.TE in HTTP/1.0",
    bytes: post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG", "POST @/a HTTP/1.0"),
  },
  {
    name: "TE in HTTP/1.0",
    bytes: post("Transfer-Encoding: chunked\r\nConnection: keep-alive", CHUNKED, "POST @/a HTTP/1.0"),
  },
  ...refusedFields(
    "TE.TE",
    [
      "Transfer-Encoding: xchunked",
      "Transfer-Encoding : chunked",
      "Transfer-Encoding\t: chunked",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
      "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
      "Transfer-Encoding: \x0bchunked",
      "Transfer-Encoding: chunked\x0b",
      "Transfer-Encoding: chunked\0",
      "Transfer-Encoding: 'chunked'",
      'Transfer-Encoding: "chunked"',
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding: identity, chunked",
      "Transfer-Encoding: chunked;q=1",
      "Transfer-Encoding: chunked,",
      "Transfer-Encoding: ,chunked",
      "Transfer-Encoding:",
      "Transfer-Encoding: identity",
      "Transfer-Encoding: gzip, chunked",
      "Transfer-Encoding: \xa0chunked",
      "Transfer-Encoding:\r\n chunked",
      "X: y\r\n Transfer-Encoding: chunked",
      "X: y\nTransfer-Encoding: chunked",
      "X: y\rTransfer-Encoding: chunked",
      "Transfer-Encoding\n: chunked",
      "\0Transfer-Encoding: chunked",
      "Transfer-Encoding\0: chunked",
      "Transfer-Encoding chunked",
      ": chunked",
    ],
    `0\r\n\r\n${SMUGGLED}`,
  ),
  ...refusedFields(
    "Content-Length",
    [
      "Content-Length: 5\r\nContent-Length: 5",
      "Content-Length: 5\r\nContent-Length: 0",
      "Content-Length: 0\r\ncontent-length: 5",
      "Content-Length: 5, 5",
      "Content-Length: 0, 5",
      "Content-Length: +5",
      "Content-Length: -5",
      "Content-Length: 0x5",
      "Content-Length: 5.0",
      "Content-Length: 5e0",
      "Content-Length: 5 5",
      "Content-Length: 5;",
      "Content-Length: 1_0",
      "Content-Length: \x0b5",
      "Content-Length: 5\x0c",
      "Content-Length: \xb5",
      "Content-Length:",
      "Content-Length: 18446744073709551621",
      "Content-Length: 99999999999999999999999",
      "Content-Length : 5",
      "Content-Length\t: 5",
      "Content-Length: 5\nX: y",
      "Content-Length:\n5",
      "Content-Length: 5\0",
      "Content-Length 5",
      "X: y\r\n\tContent-Length: 5",
    ],
    `hello${SMUGGLED}`,
  ),
  // Chunks
  ...refusedChunks([
    "0x5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\t\r\nhello\r\n0\r\n\r\n",
    "1_0\r\nhello\r\n0\r\n\r\n",
    "g\r\nhello\r\n0\r\n\r\n",
    "\r\nhello\r\n0\r\n\r\n",
    "FFFFFFFFFFFFFFFF5\r\nhello\r\n0\r\n\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhelloXX0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\r\n0\n\n",
    "5\r\nhello\r\n0\r\n\rX",
    "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "5;a=\n5\r\nhello\r\n0\r\n\r\n",
    '5;a="\r\nhello\r\n0\r\n\r\n',
    "5;a=\x01\r\nhello\r\n0\r\n\r\n",
    "5;a b\r\nhello\r\n0\r\n\r\n",
    `5;${"a".repeat(70_000)}\r\nhello\r\n0\r\n\r\n`,
    "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
    "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5\r\nhello\r\n0\r\nHost: other\r\n\r\n",
    "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: y\n\r\n",
    "5\r\nhello\r\n0\r\n X: y\r\n\r\n",
  ]),
  // Request lines
  ...refusedLines([
    "POST  @/a HTTP/1.1",
    "POST @/a  HTTP/1.1",
    "POST\t@/a\tHTTP/1.1",
    " POST @/a HTTP/1.1",
    "POST @/a HTTP/1.1 ",
    "POST @/a HTTP/1.1 X",
    "POST @/a b HTTP/1.1",
    "POST @/a HTTP/1.10",
    "POST @/a HTTP/1.2",
    "POST @/a HTTP/0.9",
    "POST @/a HTTP/2.0",
    "POST @/a http/1.1",
    "POST @/a HTTP/1,1",
    "POST @/a",
    "POST @/a HTTP/1.1\n",
    "POST @/a\0 HTTP/1.1",
    "POST @/a\x7f HTTP/1.1",
    "POST\0 @/a HTTP/1.1",
    "post @/a HTTP/1.1",
    "POST: @/a HTTP/1.1",
    "POST a@/a HTTP/1.1",
    "POST http://other@/a HTTP/1.1",
    "POST http://user@h@/a HTTP/1.1",
    "POST http:@/a HTTP/1.1",
    "CONNECT h:80 HTTP/1.1",
  ]),
  // Hosts and fields
  ...refusedFields(
    "fields",
    [
      "Host: other",
      "Host : other",
      "host: h",
      "X: a\0b",
      "X: a\rb",
      "X: a\nb",
      "X: a\x08b",
      "X: a\x7fb",
      "X: a\r\n b",
      "X Y: a",
      "X\xe9: a",
      "X(: a",
      "X",
      "Expect: 100-continue, x",
      "Expect: y 100-continue",
    ],
    SMUGGLED,
  ),
  { name: "no Host", bytes: `POST @/a HTTP/1.1\r\nX: y\r\n\r\n${SMUGGLED}` },
  ...["h, other", "h other", "h/x", "user@h", "h\\x", "h#x", "h?x"].map((host) => ({
    name: `Host: ${host}`,
    bytes: `POST @/a HTTP/1.1\r\nHost: ${host}\r\n\r\n${SMUGGLED}`,
  })),
  {
    name: "a line that begins with a blank before all fields",
    bytes: `POST @/a HTTP/1.1\r\n Host: h\r\n\r\n${SMUGGLED}`,
  },
  { name: "only line feeds", bytes: `POST @/a HTTP/1.1\nHost: h\n\n${SMUGGLED}` },
  { name: "only carriage returns", bytes: `POST @/a HTTP/1.1\rHost: h\r\r${SMUGGLED}\r\n\r\n` },

  // One meaning, for all to see
  ...[
    "Transfer-Encoding: chunked",
    "TRANSFER-ENCODING: chunked",
    "Transfer-Encoding: CHUNKED",
    "Transfer-Encoding:\tchunked",
  ].map((field) => ({ name: JSON.stringify(field), bytes: post(field, CHUNKED), served: ["POST @/a hello"] })),
  {
    name: "a body that looks like a request",
    bytes: post("Content-Length: 10", "GET /x HTT"),
    served: ["POST @/a GET /x HTT"],
  },
  { name: "CL.0", bytes: post("Content-Length: 18", "GET /smuggled HTTP"), served: ["POST @/a GET /smuggled HTTP"] },
  { name: "CL.0 of a GET", bytes: post("Content-Length: 5", "hello", "GET @/a HTTP/1.1"), served: ["GET @/a hello"] },
  {
    name: "a length of zero",
    bytes: post("Content-Length: 0", "GET @/b HTTP/1.1\r\nHost: h\r\n\r\n"),
    served: ["POST @/a", "GET @/b"],
  },
  {
    name: "chunks in a chunk",
    bytes: post("Transfer-Encoding: chunked", "5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
    served: ["POST @/a 0\r\n\r\n"],
  },
  {
    name: "a chunk extension",
    bytes: post("Transfer-Encoding: chunked", '5;a="b;c"\r\nhello\r\n0;x\r\n\r\n'),
    served: ["POST @/a hello"],
  },
  {
    name: "a chunk size with zeros",
    bytes: post("Transfer-Encoding: chunked", "0005\r\nhello\r\n000\r\n\r\n"),
    served: ["POST @/a hello"],
  },
  {
    name: "0.CL with Expect",
    bytes: post("Expect: 100-continue\r\nContent-Length: 5", "hello"),
    served: ["POST @/a hello"],
  },
  {
    name: "Expect without a body",
    bytes: post("Expect: 100-continue", "", "GET @/a HTTP/1.1"),
    served: ["GET @/a"],
    endedBy: "node",
  },
  {
    name: "Transfer_Encoding",
    bytes: post("Content-Length: 5\r\nTransfer_Encoding: chunked", "hello"),
    served: ["POST @/a hello"],
  },
  {
    name: "Content_Length",
    bytes: post("Content-Length: 5\r\nContent_Length: 0", "hello"),
    served: ["POST @/a hello"],
  },
  {
    name: "Connection: Content-Length",
    bytes: post("Content-Length: 5\r\nConnection: Content-Length", "hello"),
    served: ["POST @/a hello"],
  },
  {
    name: "Connection: Transfer-Encoding",
    bytes: post("Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding", CHUNKED),
    served: ["POST @/a hello"],
  },
  { name: "Connection: Host", bytes: post("Connection: Host", "", "GET @/a HTTP/1.1"), served: ["GET @/a"] },
  {
    name: "encoded line ends in the path",
    bytes: post("X: y", "", "GET @/a%0D%0AX:%20y HTTP/1.1"),
    served: ["GET @/a%0D%0AX:%20y"],
  },
  { name: "an absolute target", bytes: post("X: y", "", "GET http://h@/a HTTP/1.1"), served: ["GET @/a"] },
  {
    name: "empty lines before the request",
    bytes: `\r\n\r\n${post("X: y", "", "GET @/a HTTP/1.1")}`,
    served: ["GET @/a"],
  },
  {
    name: "an upgrade to HTTP/2",
    bytes: post(
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
      "",
      "GET @/a HTTP/1.1",
    ),
    served: ["GET @/a"],
    endedBy: "node",
  },
  {
    name: "an upgrade to WebSocket that the upstream does not know",
    bytes: post("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777", "", "GET @/a HTTP/1.1"),
    served: ["GET @/a"],
    endedBy: "both",
  },
];
