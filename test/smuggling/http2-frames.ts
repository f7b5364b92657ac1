import { once } from "node:events";
import { connect } from "node:tls";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const [DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY] = [0, 1, 3, 4, 7];
const END_STREAM = 1;
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as HPACK literals without indexing, whatever bytes they hold. Source: RFC 7541 §6.2.2. */
function literals(fields: readonly string[]): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value, "latin1")]);
  const pieces: Buffer[] = [];
  for (let i = 0; i < fields.length; i += 2) pieces.push(Buffer.of(0), text(fields[i]!), text(fields[i + 1]!));
  return Buffer.concat(pieces);
}

/**
 * Send one request as it is, names and values of at most 126 bytes, on a connection of its own; resolves when the server has
 * ended its stream in any way.
 */
export async function sendHttp2(port: number, fields: readonly string[], body: string | undefined): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", ALPNProtocols: ["h2"], rejectUnauthorized: false });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  socket.write(PREFACE);
  socket.write(frame(SETTINGS, 0, 0, Buffer.alloc(0)));
  socket.write(frame(HEADERS, END_HEADERS | (body === undefined ? END_STREAM : 0), 1, literals(fields)));
  if (body !== undefined) socket.write(frame(DATA, END_STREAM, 1, Buffer.from(body, "latin1")));
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
      const [type, flags, stream] = [received[3]!, received[4]!, received.readUInt32BE(5)];
      const ended = (type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0;
      if (type === GOAWAY || (stream === 1 && (ended || type === RST_STREAM))) socket.destroy();
      received = received.subarray(9 + received.readUIntBE(0, 3));
    }
  });
  if (!socket.destroyed) await once(socket, "close");
}
