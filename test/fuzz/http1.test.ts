import assert from "node:assert/strict";
import { type ClientRequest, createServer, type IncomingMessage, METHODS, request } from "node:http";
import { Duplex } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import {
  BodyReader,
  defaultLimits,
  fields,
  HeadReader,
  HttpMessageError,
  keepsAlive,
  parseRequestHead,
  parseResponseHead,
  requestFraming,
  responseFraming,
  wholeRequestHead,
} from "../../src/http1/index.ts";
import { mutated, runs, split } from "./http-bytes.ts";

// ----- reading with our parser

interface Message {
  /** Method and target, or status and reason, and the version. */
  start: readonly (string | number)[];
  headers: readonly string[];
  body: string;
  trailers: readonly string[];
}

interface Reading {
  messages: Message[];
  error: string | undefined;
}

/** Read requests one after the other, until one is not kept alive, is refused or is incomplete. */
function readRequests(pieces: readonly Buffer[]): Reading {
  return readMessages(pieces, true, (heads) => {
    const head = parseRequestHead(heads.bytes, heads.start, heads.end, defaultLimits);
    return {
      start: [head.method, head.target, head.version],
      headers: head.headers,
      framing: requestFraming(head),
      // Behind a request for an upgrade, node:http reads no other.
      last: !keepsAlive(head.version, head.headers) || head.method === "CONNECT" || head.headers.has("upgrade"),
    };
  });
}

/** Read informational answers and the final one; like node:http, none behind one that says close. */
function readResponse(method: string, pieces: readonly Buffer[]): Reading {
  return readMessages(pieces, false, (heads) => {
    const head = parseResponseHead(heads.bytes, heads.start, heads.end, defaultLimits);
    return {
      start: [head.status, head.reason, head.version],
      headers: head.headers,
      framing: responseFraming(method, head),
      last: head.status >= 200 || head.status === 101 || !keepsAlive("1.1", head.headers),
    };
  });
}

type Head = { start: Message["start"]; headers: { list: readonly string[] }; last: boolean } & {
  framing: ReturnType<typeof responseFraming>;
};

function readMessages(
  pieces: readonly Buffer[],
  skipsEmptyLines: boolean,
  parse: (heads: HeadReader) => Head,
): Reading {
  const heads = new HeadReader(defaultLimits, skipsEmptyLines);
  let reader: BodyReader | undefined;
  const messages: Message[] = [];
  let head: Head | undefined;
  let body: Buffer[] = [];
  // node:http drops a tab behind a value, except where it decides about framing.
  const trim = (list: readonly string[]): string[] => list.map((text) => text.replace(/[\t ]+$/, ""));
  const complete = (): boolean => {
    const headers = trim(head!.headers.list);
    const trailers = trim(reader?.trailers?.list ?? []);
    messages.push({ start: head!.start, headers, body: Buffer.concat(body).toString("latin1"), trailers });
    return head!.last;
  };
  try {
    for (const piece of pieces) {
      let rest = piece;
      while (rest.length > 0) {
        if (head === undefined) {
          if (!heads.push(rest)) break;
          head = parse(heads);
          rest = heads.bytes.subarray(heads.end);
          body = [];
          reader = new BodyReader(defaultLimits, head.framing);
        }
        rest = rest.subarray(reader!.read(rest, { onBodyBytes: (bytes) => body.push(Buffer.from(bytes)) }));
        if (!reader!.done) break;
        if (complete()) return { messages, error: undefined };
        head = undefined;
      }
    }
    if (head !== undefined && reader!.close()) complete();
  } catch (error) {
    if (!(error instanceof HttpMessageError)) throw error;
    return { messages, error: error.code };
  }
  return { messages, error: undefined };
}

// ----- reading with node:http

/** The far end of a connection that is all in memory: what is given arrives, what is written is dropped. */
function arriving(bytes: Buffer): Duplex {
  const stream = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
  stream.on("error", () => {});
  stream.push(bytes);
  stream.push(null);
  return stream;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise(setImmediate);
}

/** Collects a message as node:http delivers it; undefined while it is not complete. */
function collect(message: IncomingMessage, start: Message["start"]): () => Message | undefined {
  const body: Buffer[] = [];
  message.on("data", (chunk) => body.push(chunk));
  message.on("error", () => {});
  return () => {
    if (!message.complete) return undefined;
    const { rawHeaders: headers, rawTrailers: trailers } = message;
    return { start, headers, body: Buffer.concat(body).toString("latin1"), trailers };
  };
}

async function nodeRequests(bytes: Buffer): Promise<(Message | undefined)[]> {
  const collected: (() => Message | undefined)[] = [];
  const server = createServer({ maxHeaderSize: defaultLimits.head });
  server.on("request", (message: IncomingMessage, response) => {
    collected.push(collect(message, [message.method!, message.url!, message.httpVersion]));
    message.on("end", () => response.end());
  });
  server.on("checkExpectation", (message, response) => server.emit("request", message, response));
  const stream = arriving(bytes);
  server.emit("connection", stream);
  await turns(4);
  stream.destroy();
  return collected.map((message) => message());
}

async function nodeResponse(method: string, bytes: Buffer): Promise<Message | undefined> {
  const stream = arriving(bytes);
  let collected: (() => Message | undefined) | undefined;
  const client: ClientRequest = request({ method, createConnection: () => stream, maxHeaderSize: defaultLimits.head });
  client.on("error", () => {});
  client.on("response", (message) => {
    collected = collect(message, [message.statusCode!, message.statusMessage!, message.httpVersion]);
  });
  client.end();
  await turns(4);
  stream.destroy();
  return collected?.();
}

// ----- what is read

const requests = mutated([
  "GET /a?b HTTP/1.1\r\nHost: h\r\nA:  b \r\nCookie: c=d\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
  "PUT http://h/ HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nokOPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
]);

const responses = mutated([
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA:  b \r\n\r\nhello",
  "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nb;c\r\nhello world\r\n0\r\nA: b\r\n\r\n",
  "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\nuntil close",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
]);

const method = fc.constantFrom("GET", "HEAD", "POST");

/** In pieces, the same messages are read; only which error comes first may differ. */
function checkPieces(read: (pieces: readonly Buffer[]) => Reading, bytes: Buffer, size: number): Reading {
  const whole = read([bytes]);
  const pieces = read(split(bytes, size));
  assert.deepEqual(pieces.messages, whole.messages);
  assert.equal(
    pieces.error === undefined,
    whole.error === undefined,
    `${whole.error} in one piece, ${pieces.error} in many`,
  );
  return whole;
}

test("bytes of any kind are read or refused by name, the same in pieces of any size", () => {
  const anything = fc.oneof(
    { weight: 3, arbitrary: requests },
    { weight: 3, arbitrary: responses },
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(anything, method, fc.integer({ min: 1, max: 20 }), (bytes, asked, size) => {
      checkPieces(readRequests, bytes, size);
      checkPieces((pieces) => readResponse(asked, pieces), bytes, size);
    }),
    runs(5000),
  );
});

/** Requests of one client: a cookie that is compared with the one before, now and then another. */
const repeating = mutated(
  ["session=AbCdEf", "session=AbCdEg", "session=AbCdEf "].flatMap((start) => {
    const cookie = start + "0123456789".repeat(5);
    return [
      `GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: ${"agent ".repeat(9)}x\r\nCookie: ${cookie}\r\n\r\n`,
      `POST /b HTTP/1.1\r\nHost: h\r\ncookie:${cookie}  \r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: h\r\n\r\n`,
      `GET /c HTTP/1.1\r\nHost: h\r\nUser-Agent: ${"agent ".repeat(9)}xy\r\nCookie:\t${cookie}; a=b\r\n\r\n`,
    ];
  }),
);

const SMALL = { head: 230, line: 70, fields: 3 };

test("a head that is whole is read as with care, whatever the same client sent before", () => {
  let read = 0;
  const check = (earlier: Buffer, bytes: Buffer, limits: typeof SMALL) => {
    const before = wholeRequestHead(earlier, defaultLimits)?.headers.find(fields.cookie);
    const heads = new HeadReader(limits, true);
    let careful: ReturnType<typeof parseRequestHead> | undefined;
    try {
      if (heads.push(bytes)) careful = parseRequestHead(heads.bytes, heads.start, heads.end, limits);
    } catch (error) {
      assert.ok(error instanceof HttpMessageError);
    }
    const parts = (head: typeof careful) =>
      head && { ...head, headers: head.headers.list, text: head.text.slice(0, head.end - head.start) };
    // Behind empty lines a head is read with care only.
    const expected = heads.start > 0 ? undefined : parts(careful);
    assert.deepEqual(parts(wholeRequestHead(bytes, limits)), expected);
    assert.deepEqual(parts(wholeRequestHead(bytes, limits, before)), expected);
    if (before !== undefined && expected !== undefined) read += 1;
  };
  fc.assert(fc.property(repeating, repeating, fc.constantFrom(defaultLimits, defaultLimits, SMALL), check), runs(5000));
  assert.ok(read > 300, `only ${read} were read`);
});

test("requests that we read, node:http reads alike", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(requests, async (bytes) => {
      const { messages } = readRequests([bytes]);
      // Methods that llhttp does not know are its own limit, CONNECT leaves HTTP.
      const known = messages.findIndex(({ start }) => start[0] === "CONNECT" || !METHODS.includes(String(start[0])));
      const ours = known < 0 ? messages : messages.slice(0, known);
      if (ours.length === 0) return;
      compared += 1;
      assert.deepEqual((await nodeRequests(bytes)).slice(0, ours.length), ours);
    }),
    runs(3000),
  );
  assert.ok(compared > 500, `only ${compared} were valid`);
});

test("answers that we read, node:http reads alike", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(responses, method, async (bytes, asked) => {
      const ours = readResponse(asked, [bytes]).messages.at(-1);
      if (ours === undefined || Number(ours.start[0]) < 200) return;
      compared += 1;
      assert.deepEqual(await nodeResponse(asked, bytes), ours);
    }),
    runs(3000),
  );
  assert.ok(compared > 500, `only ${compared} were valid`);
});
