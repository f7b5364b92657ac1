import type { Headers } from "../http1/index.ts";
import type { Inbound, InboundListener } from "./inbound.ts";

/** Who receives a request body that flows on (the proxy). */
export interface BodySink {
  /** False asks for a pause until `RequestBody.resume()`. */
  take(chunk: Uint8Array): boolean;
  takeEnd(trailers: Headers | undefined): void;
}

/** Who answers the request, and so hears what the engine tells besides the body. */
export type BodyOwner = Pick<InboundListener, "onDrain" | "onFault" | "onAbort">;

/** Of a body that nothing is told of, as there is none. */
const NOBODY: BodyOwner = { onDrain() {}, onFault() {}, onAbort() {} };

/**
 * The body of a request: a plugin may have it read into memory, and the proxy lets it flow to the upstream, first what
 * was read already, then the rest. Nothing is read from the client before one of the two asks.
 */
export class RequestBody implements InboundListener {
  readonly #inbound: Inbound;
  readonly #owner: BodyOwner;
  readonly #keep: number;
  /** Everything since the beginning; undefined once some of it was let go. */
  #kept: Uint8Array[] | undefined = [];
  #size = 0;
  #limit = 0;
  #ended = false;
  #broken = false;
  #trailers: Headers | undefined;
  #waiting: ((complete: boolean) => void) | undefined;
  #sink: BodySink | undefined;

  /**
   * What has flowed on is kept up to `keep` bytes, so that it can be sent again to another address. Without an owner, of a request that
   * has no body.
   */
  constructor(inbound: Inbound, owner: BodyOwner = NOBODY, keep = 0) {
    this.#inbound = inbound;
    this.#owner = owner;
    this.#keep = keep;
    this.#ended = inbound.framing.kind === "none";
  }

  /** The length in bytes, as far as it is known now; 0 without a body. */
  get length(): number | undefined {
    if (this.#ended) return this.#size;
    return this.#inbound.framing.kind === "none" ? 0 : this.#inbound.framing.length;
  }

  /** Bytes that have come so far. */
  get size(): number {
    return this.#size;
  }

  /** The whole body where it is in memory. */
  get bytes(): Uint8Array | undefined {
    if (!this.#ended || !this.#kept) return undefined;
    if (this.#kept.length !== 1) this.#kept = [Buffer.concat(this.#kept)];
    return this.#kept[0];
  }

  /**
   * Read the whole body; undefined when it is longer than `limit` bytes (what was read stays and will still flow on) or
   * when the client broke off.
   */
  async read(limit: number): Promise<Uint8Array | undefined> {
    if (this.#size > limit || (this.length ?? 0) > limit || this.#broken) return undefined;
    if (!this.#ended) {
      this.#limit = limit;
      const complete = new Promise<boolean>((resolve) => {
        this.#waiting = resolve;
      });
      this.#inbound.resume();
      if (!(await complete)) return undefined;
    }
    return this.bytes;
  }

  /** Send this instead of what the client sent; call after `read` gave the whole body. */
  replace(body: Uint8Array): void {
    this.#kept = [body];
    this.#size = body.length;
  }

  /** Whether `flowTo` would give all of the body, also after some of it has flowed. */
  get isRepeatable(): boolean {
    return this.#kept !== undefined;
  }

  /** Let the body flow from its beginning; a second sink takes the place of the first. */
  flowTo(sink: BodySink): void {
    this.#sink = sink;
    let flowing = true;
    for (const chunk of this.#kept ?? []) flowing = sink.take(chunk);
    if (this.#ended) sink.takeEnd(this.#trailers);
    else if (flowing) this.#inbound.resume();
    else this.#inbound.pause();
  }

  /** The sink can take more after its `take` answered false. */
  resume(): void {
    if (!this.#ended && !this.#broken) this.#inbound.resume();
  }

  onData(chunk: Uint8Array): boolean {
    this.#size += chunk.length;
    if (this.#sink) {
      if (this.#size > this.#keep) this.#kept = undefined;
      this.#kept?.push(Buffer.from(chunk));
      return this.#sink.take(chunk);
    }
    this.#kept!.push(Buffer.from(chunk));
    if (this.#size <= this.#limit) return true;
    this.#settle(false);
    return false;
  }

  onEnd(trailers: Headers | undefined): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#settle(true);
    this.#sink?.takeEnd(trailers);
  }

  onDrain(): void {
    this.#owner.onDrain();
  }

  onFault(status: 400 | 408): void {
    this.#broken = true;
    this.#owner.onFault(status);
    this.#settle(false);
  }

  onAbort(): void {
    this.#broken = true;
    this.#owner.onAbort();
    this.#settle(false);
  }

  #settle(complete: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(complete);
  }
}
