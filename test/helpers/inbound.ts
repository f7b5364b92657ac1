import { PassThrough } from "node:stream";
import type { Connection, Inbound, InboundListener } from "../../src/gateway/index.ts";
import { Headers } from "../../src/http1/index.ts";

/** A request as a test writes it down. */
export interface TestRequest {
  readonly method?: string;
  readonly target?: string;
  /** name, value, name, value … */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  /** The body comes without its length being known before. */
  readonly chunked?: boolean;
  readonly connection?: Partial<Connection>;
}

/** An inbound request that came over no socket; what is answered is kept for the test. */
export interface TestInbound extends Inbound {
  readonly answer: { status: number; headers: Headers; body: string; ended: boolean; destroyed: boolean };
  /** Whether somebody asked for the body. */
  readonly wasRead: boolean;
}

const CONNECTION: Connection = {
  remoteAddress: "127.0.0.1",
  remotePort: 50_000,
  localAddress: "127.0.0.1",
  localPort: 8000,
  tls: false,
};

export function createInbound(request: TestRequest = {}): TestInbound {
  const body = request.body === undefined ? undefined : Buffer.from(request.body as string);
  const answer = { status: 0, headers: new Headers(), body: "", ended: false, destroyed: false };
  let wasRead = false;
  return {
    connection: { ...CONNECTION, ...request.connection },
    method: request.method ?? "GET",
    target: request.target ?? "/",
    httpVersion: "1.1",
    headers: new Headers(request.headers ?? []),
    framing: body ? { kind: "stream", length: request.chunked ? undefined : body.length } : { kind: "none" },
    keepAlive: true,
    canUpgrade: false,
    listener: undefined as InboundListener | undefined,
    answer,
    get wasRead() {
      return wasRead;
    },
    resume() {
      if (wasRead || !body) return;
      wasRead = true;
      queueMicrotask(() => {
        this.listener?.onData?.(body);
        this.listener?.onEnd?.(undefined);
      });
    },
    pause() {},
    inform() {},
    head(status, _reason, headers) {
      answer.status = status;
      answer.headers = headers;
    },
    write(chunk) {
      answer.body += Buffer.from(chunk).toString("latin1");
      return true;
    },
    end(chunk) {
      if (chunk !== undefined) answer.body += Buffer.from(chunk as string).toString("latin1");
      answer.ended = true;
    },
    upgrade() {
      return { socket: new PassThrough(), firstBytes: new Uint8Array() };
    },
    destroy() {
      answer.destroyed = true;
    },
  };
}
