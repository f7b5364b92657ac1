import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const CLOSE = 8;
const PING = 9;
const PONG = 10;
const LARGEST_FRAME = 16 * 1024 * 1024;

/** Answer an upgrade: a WebSocket (RFC 6455) that sends every message back, any other protocol with 426. */
export function serveWebSocket(request: IncomingMessage, socket: Duplex, firstBytes: Buffer): void {
  socket.on("error", () => socket.destroy());
  const key = request.headers["sec-websocket-key"];
  if (request.headers.upgrade?.toLowerCase() !== "websocket" || key === undefined) {
    socket.end("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  // RFC 6455 §1.3: the client's key with this constant proves that the answer is a WebSocket's.
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let pending = firstBytes;
  const read = () => {
    for (let frame = readFrame(pending); frame; frame = readFrame(pending)) {
      if (frame === "refused") return void socket.end(createFrame(0x80 | CLOSE, Buffer.from([0x03, 0xea])));
      pending = pending.subarray(frame.size);
      const opcode = frame.first & 0x0f;
      if (opcode === PONG) continue;
      socket.write(createFrame(opcode === PING ? 0x80 | PONG : frame.first, frame.payload));
      if (opcode === CLOSE) return void socket.end();
    }
  };
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
    read();
  });
  socket.on("end", () => socket.end());
  read();
}

interface Frame {
  /** The first byte: FIN and opcode. */
  readonly first: number;
  readonly payload: Buffer;
  /** Bytes of the whole frame. */
  readonly size: number;
}

/**
 * The first frame of these bytes (RFC 6455 §5.2), undefined while it is not complete:
 *
 *   FIN and opcode 1 | mask bit and length 1 | longer length 0, 2 or 8 | mask 4 | payload
 */
function readFrame(bytes: Buffer): Frame | "refused" | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const start = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
  if (bytes.length < start) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if ((second & 0x80) === 0 || length > LARGEST_FRAME) return "refused";
  const size = start + 4 + length;
  if (bytes.length < size) return undefined;
  const mask = bytes.subarray(start, start + 4);
  const payload = Buffer.from(bytes.subarray(start + 4, size));
  for (let index = 0; index < length; index++) payload[index] = payload[index]! ^ mask[index & 3]!;
  return { first, payload, size };
}

function createFrame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
