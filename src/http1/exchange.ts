import { encodeLastChunk } from "./chunked.ts";
import type { Connection } from "./connection.ts";
import { HttpMessageError, type UpstreamFacts } from "./errors.ts";
import { type FieldName, fields } from "./field-name.ts";
import { formatFields, formatRequest, REQUEST_VERSION } from "./format.ts";
import type { Framing } from "./framing.ts";
import type { Headers } from "./headers.ts";
import type { UpstreamBody, UpstreamExchange, UpstreamHandler, UpstreamRequest } from "./upstream.ts";

/** A body that is there as a whole is written in pieces, so that the write timeout sees the upstream take them. */
const PIECE = 65536;

/** Whether the header holds this framing field; false without it. Throws ERR_HTTP_FRAMING when it says anything else. */
function declares({ headers }: UpstreamRequest, name: FieldName, expected: string | undefined): boolean {
  if (headers.find(name) === undefined) return false;
  const values = headers.getAll(name.lower);
  if (values.length === 1 && values[0]!.toLowerCase() === expected) return true;
  throw new HttpMessageError("ERR_HTTP_FRAMING");
}

function lengthOf(body: UpstreamBody): number | undefined {
  return body === undefined || "length" in body ? body?.length : undefined;
}

/**
 * The head of the request as it goes on the wire. The framing field of its body stands behind its `lead`, unless `headers` has
 * it. Throws HttpMessageError.
 */
export function requestHead(request: UpstreamRequest): string {
  const { method, target, lead = REQUEST_VERSION, headers, body } = request;
  const chunked = body !== undefined && "chunked" in body;
  const length = lengthOf(body);
  let start = formatRequest(method, target) + lead;
  if (!declares(request, fields["transfer-encoding"], chunked ? "chunked" : undefined) && chunked) {
    start += `${fields["transfer-encoding"].lead}chunked`;
  }
  if (!declares(request, fields["content-length"], chunked ? undefined : `${length ?? 0}`) && length !== undefined) {
    start += fields["content-length"].lead + length;
  }
  return formatFields(start, headers);
}

/** One request on a connection: writes it, and knows how far both sides are. Reading the answer is the connection's part. */
export class Exchange implements UpstreamExchange {
  readonly request: UpstreamRequest;
  readonly handler: UpstreamHandler;
  /** A part of the request's body has not been given to the socket. */
  sending: boolean;
  /** The first byte of any answer has come. */
  responseStarted = false;
  /** How the body of the answer is framed, and whether the connection can carry another exchange behind it: once its head has come. */
  framing: Framing | undefined;
  keepAlive = false;
  /** The final head was delivered. */
  headDelivered = false;
  paused = false;
  readonly #connection: Connection;
  readonly #reused: boolean;
  /** The upstream has refused before the body was complete: the rest is not sent. */
  #stopped = false;
  #bodyBytes = 0;

  constructor(connection: Connection, request: UpstreamRequest, handler: UpstreamHandler, reused: boolean) {
    this.#connection = connection;
    this.request = request;
    this.handler = handler;
    this.sending = request.body !== undefined;
    this.#reused = reused;
  }

  #running(): boolean {
    return this.#connection.exchange === this;
  }

  get connecting(): boolean {
    return this.#running() && this.#connection.connecting;
  }

  get writable(): boolean {
    return this.sending && !this.#stopped && this.#running();
  }

  get facts(): UpstreamFacts {
    const { isUnsent, isWriting } = this.#connection;
    const sending = this.sending || isWriting;
    return {
      phase: isUnsent ? "connect" : this.headDelivered ? "receive" : sending ? "send" : "wait",
      reused: this.#reused,
      bodyBytesSent: isUnsent ? 0 : this.#bodyBytes,
      responseStarted: this.responseStarted,
    };
  }

  /** Write the head, with the body as far as it is there. */
  start(head: string): void {
    const { body } = this.request;
    this.#connection.text(head);
    if (body instanceof Uint8Array) this.#writePieces(body);
  }

  #writePieces(body: Uint8Array): void {
    let more = true;
    while (more && this.#bodyBytes < body.length) {
      const piece = body.subarray(this.#bodyBytes, this.#bodyBytes + PIECE);
      this.#bodyBytes += piece.length;
      more = this.#connection.piece(piece, false);
    }
    this.sending = this.#bodyBytes < body.length;
  }

  write(chunk: Uint8Array): boolean {
    if (!this.writable) return true;
    const { body } = this.request;
    if (this.#bodyBytes + chunk.length > (lengthOf(body) ?? Number.POSITIVE_INFINITY)) {
      throw new RangeError("the body is longer than was announced to the upstream");
    }
    this.#bodyBytes += chunk.length;
    const encode = body !== undefined && "chunked" in body && body.encoded !== true;
    return this.#connection.piece(chunk, encode);
  }

  end(trailers?: Headers): void {
    if (!this.writable) return;
    const length = lengthOf(this.request.body);
    if (length === undefined) this.#connection.text(encodeLastChunk(trailers));
    else if (this.#bodyBytes < length) throw new RangeError("the body is shorter than was announced to the upstream");
    this.sending = false;
    this.#connection.watch();
  }

  /** The socket takes more. */
  drained(): void {
    if (!this.writable) return;
    if (this.request.body instanceof Uint8Array) this.#writePieces(this.request.body);
    else this.handler.onDrain();
  }

  stop(): void {
    this.#stopped = true;
  }

  pause(): void {
    if (this.paused || !this.#running()) return;
    this.paused = true;
    this.#connection.pause();
    this.#connection.watch();
  }

  resume(): void {
    if (!this.paused || !this.#running()) return;
    this.paused = false;
    this.#connection.resume();
    this.#connection.watch();
  }

  abort(): void {
    if (this.#running()) this.#connection.abandon();
  }
}
