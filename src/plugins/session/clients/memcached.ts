import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { MemcachedClient } from "../../../session/index.ts";
import { type ConnectionSettings, type Trust, timeoutsOf, tlsOf } from "./connection.ts";
import { type MemcachedAnswer, MemcachedReader } from "./memcached-answers.ts";

export interface OpenedMemcached extends MemcachedClient {
  /** Add 1 to a number and answer it; undefined when there is none. */
  increment(key: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Bytes of the longest key. */
const LONGEST_KEY = 250;
const UNSENDABLE = /[^\x21-\x7e]/;
/** Stands for an answer that begins with a number. */
const NUMBER = "<number>";

interface Waiting {
  readonly accepted: readonly string[];
  readonly resolve: (answer: MemcachedAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A client for memcached's text protocol: one connection, opened by the first command and again after it was lost, on which
 * commands need not wait for each other's answers. The packages there are either speak the binary protocol, which memcached
 * is about to drop, or know neither `cas` nor `mg`, by which lifetimes are kept.
 */
export function openMemcached(settings: ConnectionSettings, trust: Trust = {}): OpenedMemcached {
  const { connectMs, answerMs } = timeoutsOf(settings);
  let connection: Connection | undefined;
  let isClosed = false;

  /** Send a command whose answer must begin with one of these words. */
  async function send(accepted: readonly string[], command: string, key: string, rest = ""): Promise<MemcachedAnswer> {
    if (key.length > LONGEST_KEY || UNSENDABLE.test(key)) {
      throw new Error(`a key of memcached must be at most ${LONGEST_KEY} printable characters`);
    }
    if (isClosed) throw new Error("the client of memcached was closed");
    if (connection === undefined || connection.isOver) {
      connection = new Connection(openSocket(settings, trust, connectMs), connectMs + answerMs);
    }
    return connection.send(`${command} ${key}${rest}\r\n`, accepted);
  }

  return {
    async get(key) {
      const { line, value } = await send(["VALUE", "END"], "gets", key);
      if (value === undefined) return undefined;
      const [, sent, , , cas = ""] = line.split(" ");
      // Nobody may ever be given somebody else's session.
      if (sent !== key) throw new Error("memcached answered with another key");
      return { value, cas };
    },
    async life(key) {
      // Servers before 1.6, and some proxies, do not know this command.
      const { line } = await send(["HD", "EN", "ERROR", "CLIENT_ERROR"], "mg", key, " t");
      if (line === "EN") return undefined;
      const [, seconds] = /^HD t(\d+)$/.exec(line) ?? [];
      return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds);
    },
    async store(verb, key, value, exptime, cas) {
      const size = Buffer.byteLength(value);
      const words = ` 0 ${exptime} ${size}${verb === "cas" ? ` ${cas}` : ""}\r\n${value}`;
      const { line } = await send(["STORED", "NOT_STORED", "EXISTS", "NOT_FOUND"], verb, key, words);
      return line === "STORED";
    },
    async touch(key, exptime) {
      await send(["TOUCHED", "NOT_FOUND"], "touch", key, ` ${exptime}`);
    },
    async delete(key) {
      await send(["DELETED", "NOT_FOUND"], "delete", key);
    },
    async increment(key) {
      const { line } = await send([NUMBER, "NOT_FOUND"], "incr", key, " 1");
      return line === "NOT_FOUND" ? undefined : Number(line);
    },
    async close() {
      isClosed = true;
      connection?.end(new Error("the client of memcached was closed"));
    },
  };
}

function openSocket(settings: ConnectionSettings, trust: Trust, connectMs: number): Socket {
  const { host, port, socket } = settings;
  const address = socket ? { path: socket } : { host: host ?? "127.0.0.1", port: port ?? 11_211 };
  const tls = tlsOf(settings, trust);
  const opened = tls ? connectTls({ ...address, ...tls }) : connectTcp({ ...address, noDelay: true });
  opened.setTimeout(connectMs, () =>
    opened.destroy(new Error(`connecting to memcached took longer than ${connectMs} ms`)),
  );
  opened.once(tls ? "secureConnect" : "connect", () => opened.setTimeout(0));
  return opened;
}

/** One connection. Answers come in the order of the commands, so after one that does not come it is of no use. */
class Connection {
  isOver = false;
  readonly #socket: Socket;
  readonly #answerMs: number;
  readonly #waiting: Waiting[] = [];

  constructor(socket: Socket, answerMs: number) {
    this.#socket = socket;
    this.#answerMs = answerMs;
    const reader = new MemcachedReader((answer) => this.#answered(answer));
    socket.on("data", (bytes: Buffer) => {
      try {
        reader.push(bytes);
      } catch (error) {
        this.end(error as Error);
      }
    });
    socket.on("error", (error) => this.end(error));
    socket.on("close", () => this.end(new Error("memcached closed the connection")));
  }

  send(text: string, accepted: readonly string[]): Promise<MemcachedAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.end(new Error(`an answer of memcached took longer than ${this.#answerMs} ms`)),
        this.#answerMs,
      );
      this.#waiting.push({ accepted, resolve, reject, timer });
      // Commands of one tick travel together.
      if (this.#socket.writableCorked === 0) {
        this.#socket.cork();
        process.nextTick(() => this.#socket.uncork());
      }
      this.#socket.write(text);
    });
  }

  end(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#socket.destroy();
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
  }

  #answered(answer: MemcachedAnswer): void {
    if (this.isOver) return;
    const first = this.#waiting[0];
    if (first === undefined) throw new Error("memcached answered what nobody asked");
    const word = answer.line.split(" ", 1)[0]!;
    const isAccepted = first.accepted.includes(/^\d+$/.test(word) ? NUMBER : word);
    const refused = () => new Error(`memcached answered ${JSON.stringify(answer.line.slice(0, 200))}`);
    // Only after this refusal it is sure where the next answer begins.
    if (!isAccepted && !answer.line.startsWith("SERVER_ERROR ")) throw refused();
    this.#waiting.shift();
    clearTimeout(first.timer);
    if (isAccepted) first.resolve(answer);
    else first.reject(refused());
  }
}
