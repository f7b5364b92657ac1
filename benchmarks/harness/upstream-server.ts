// A light upstream on bare sockets: `node upstream-server.ts PORT`. It reads requests with a Content-Length or without a
// body, and answers by the end of the path:
//   /64k, /1m    that many bytes
//   /sink        how many bytes of body came; with /sink/check also their SHA-256
//   /check       what of the visitor's identity arrived
//   else         126 bytes of JSON
import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { bodyOf, SMALL } from "./upstream-answers.ts";

const END = Buffer.from("\r\n\r\n");

const answer = (body: Buffer | string, type = "application/json") =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);

const small = answer(SMALL);
const large = { "/64k": answer(bodyOf("64k"), "text/plain"), "/1m": answer(bodyOf("1m"), "text/plain") };

function serve(socket: Socket): void {
  let head = "";
  let left = 0;
  let received = 0;
  let hash = createHash("sha256");
  let pending: Buffer = Buffer.alloc(0);

  const field = (name: string) => new RegExp(`^${name}: *(.*)\r$`, "im").exec(head)?.[1] ?? "";
  const isChecked = () => /^\w+ \S*\/check[ ?]/.test(head);

  function respond(): void {
    const path = head.split(" ", 2)[1]!.split("?")[0]!;
    for (const [end, bytes] of Object.entries(large)) if (path.endsWith(end)) return void socket.write(bytes);
    if (path.endsWith("/sink")) socket.write(answer(JSON.stringify({ received })));
    else if (path.endsWith("/sink/check"))
      socket.write(answer(JSON.stringify({ received, sha256: hash.digest("hex") })));
    else if (isChecked()) {
      const names = { consumer: "X-Consumer-Username", id: "X-Consumer-ID", anonymous: "X-Anonymous-Consumer" };
      socket.write(
        answer(JSON.stringify(Object.fromEntries(Object.entries(names).map(([key, name]) => [key, field(name)])))),
      );
    } else socket.write(small);
  }

  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    let rest: Buffer = chunk;
    while (rest.length > 0) {
      if (left === 0) {
        pending = pending.length === 0 ? rest : Buffer.concat([pending, rest]);
        const end = pending.indexOf(END);
        if (end < 0) return;
        head = pending.toString("latin1", 0, end + 2);
        rest = pending.subarray(end + 4);
        pending = Buffer.alloc(0);
        left = Number(field("Content-Length") || 0);
        received = 0;
        hash = createHash("sha256");
        if (left === 0) respond();
      } else {
        const piece = rest.subarray(0, left);
        rest = rest.subarray(piece.length);
        left -= piece.length;
        received += piece.length;
        if (isChecked()) hash.update(piece);
        if (left === 0) respond();
      }
    }
  });
}

createServer(serve).listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
