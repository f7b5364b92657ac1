/** A request over HTTP/2 that would mean something else as HTTP/1.1. */
export interface Http2Case {
  readonly name: string;
  /** Besides or instead of `:method: POST`, `:scheme: https`, `:path: /site/a` and `:authority: h`. */
  readonly fields: readonly string[];
  readonly body?: string;
  /** What the upstream may see of it, `METHOD path body`; nothing when absent. */
  readonly reaches?: string;
}

const SMUGGLED = "GET /site/smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
const SPLIT = `x\r\n\r\n${SMUGGLED}`;

/**
 * Fields that are invalid in HTTP/2 are dropped by node:http2 (nghttp2), and the rest of the request reaches the upstream.
 * Families of "HTTP/2: The Sequel is Always Worse" (2021): H2.CL, H2.TE, and line ends where HTTP/2 has none.
 */
export const http2Cases: readonly Http2Case[] = [
  { name: "H2.CL of zero", fields: ["content-length", "0"], body: SMUGGLED, reaches: "POST /site/a" },
  { name: "H2.CL too short", fields: ["content-length", "5"], body: SMUGGLED, reaches: "POST /site/a" },
  { name: "H2.CL too long", fields: ["content-length", "500"], body: SMUGGLED, reaches: "POST /site/a" },
  { name: "H2.CL without a body", fields: ["content-length", "5"], reaches: "POST /site/a" },
  {
    name: "two lengths",
    fields: ["content-length", "5", "content-length", "0"],
    body: "hello",
    reaches: "POST /site/a",
  },
  { name: "a length that is none", fields: ["content-length", "+5"], body: "hello", reaches: "POST /site/a" },
  { name: "H2.TE", fields: ["transfer-encoding", "chunked"], body: `0\r\n\r\n${SMUGGLED}` },
  { name: "H2.TE in capitals", fields: ["Transfer-Encoding", "chunked"], body: `0\r\n\r\n${SMUGGLED}` },
  {
    name: "H2.TE in a value",
    fields: ["x", "y\r\nTransfer-Encoding: chunked"],
    body: `0\r\n\r\n${SMUGGLED}`,
    reaches: `POST /site/a 0\r\n\r\n${SMUGGLED}`,
  },
  {
    name: "H2.TE in a name",
    fields: ["x: y\r\ntransfer-encoding", "chunked"],
    body: `0\r\n\r\n${SMUGGLED}`,
    reaches: `POST /site/a 0\r\n\r\n${SMUGGLED}`,
  },
  { name: "line ends in a value", fields: ["x", SPLIT], reaches: "POST /site/a" },
  { name: "a line feed in a value", fields: ["x", "y\nz: a"], reaches: "POST /site/a" },
  { name: "a carriage return in a value", fields: ["x", "y\rz: a"], reaches: "POST /site/a" },
  { name: "NUL in a value", fields: ["x", "y\0z"], reaches: "POST /site/a" },
  { name: "a colon in a name", fields: ["x: y", "z"], reaches: "POST /site/a" },
  { name: "a blank in a name", fields: ["transfer-encoding ", "chunked"], reaches: "POST /site/a" },
  { name: "line ends in the path", fields: [":path", `/site/a HTTP/1.1\r\nHost: h\r\n\r\n${SMUGGLED}`] },
  { name: "a blank in the path", fields: [":path", "/site/smuggled HTTP/1.1"] },
  { name: "a line in the method", fields: [":method", "GET /site/smuggled HTTP/1.1\r\nx: POST"] },
  { name: "a blank in the method", fields: [":method", "GET /site/smuggled"] },
  { name: "line ends in the authority", fields: [":authority", "h\r\nx: y"] },
  { name: "two paths", fields: [":path", "/site/a", ":path", "/site/smuggled"] },
  { name: "connection", fields: ["connection", "keep-alive, x"] },
  { name: "upgrade", fields: ["upgrade", "websocket"] },
  { name: "two hosts", fields: ["host", "h", "host", "other"] },
  { name: "a body that looks like a request", fields: [], body: "GET /x HTT", reaches: "POST /site/a GET /x HTT" },
  { name: "no body", fields: [":method", "GET"], reaches: "GET /site/a" },
];
