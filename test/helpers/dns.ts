import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv4 } from "node:net";
import type { TestContext } from "node:test";

/** What a name server knows of a name; `fails` is the answer SERVFAIL, `silent` none at all. */
export interface DnsRecord {
  readonly addresses: readonly string[];
  readonly ttl: number;
  readonly fails?: boolean;
  readonly silent?: boolean;
}

/** A name server on loopback over UDP, for A and AAAA. */
export interface TestDns {
  readonly port: number;
  /** By name; a name that is not here does not exist. */
  readonly records: Map<string, DnsRecord>;
  /** The names asked for, one entry for each query of type A. */
  readonly asked: string[];
}

const [A, AAAA] = [1, 28];
const [SERVFAIL, NXDOMAIN] = [2, 3];

export async function startDns(t: TestContext): Promise<TestDns> {
  const socket = createSocket("udp4");
  const records = new Map<string, DnsRecord>();
  const asked: string[] = [];
  socket.on("message", (query, peer) => {
    const { name, type, end } = readQuestion(query);
    if (type === A) asked.push(name);
    const record = records.get(name);
    if (record?.silent) return;
    const wanted = record?.addresses.filter((address) => isIPv4(address) === (type === A)) ?? [];
    const answers = type === A || type === AAAA ? wanted.map((address) => answerOf(address, record!.ttl)) : [];
    const code = record?.fails ? SERVFAIL : record ? 0 : NXDOMAIN;
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | code, 2);
    for (const [at, count] of [
      [4, 1],
      [6, answers.length],
      [8, 0],
      [10, 0],
    ] as const)
      head.writeUInt16BE(count, at);
    socket.send(Buffer.concat([head, query.subarray(12, end), ...answers]), peer.port, peer.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  return { port: socket.address().port, records, asked };
}

/** The first question of a query, and where it ends. */
function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** A record for the name of the question, by a pointer to it. */
function answerOf(address: string, ttl: number): Buffer {
  const data = isIPv4(address) ? Buffer.from(address.split(".").map(Number)) : ipv6Bytes(address);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(isIPv4(address) ? A : AAAA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttl, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}

function ipv6Bytes(address: string): Buffer {
  const [left = "", right = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [head, tail] = [groups(left), groups(right)];
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}
