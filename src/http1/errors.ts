/** What can be wrong with a message, the status a server answers it with, and how it is said. */
const messageErrors = {
  ERR_HTTP_REQUEST_LINE: [400, "the request line is not `method SP target SP HTTP/1.x`"],
  ERR_HTTP_METHOD: [400, "the method is not a token"],
  ERR_HTTP_TARGET: [400, "the request target is not a path, an absolute URL or `*`"],
  ERR_HTTP_VERSION: [505, "the version is neither HTTP/1.0 nor HTTP/1.1"],
  ERR_HTTP_STATUS_LINE: [400, "the status line is not `HTTP/1.x SP three digits SP reason`"],
  ERR_HTTP_LINE_END: [400, "a line does not end with CR LF, or holds a CR or LF of its own"],
  ERR_HTTP_FIELD_NAME: [400, "a field name is not a token directly followed by a colon"],
  ERR_HTTP_FIELD_FOLDED: [400, "a field line begins with white space"],
  ERR_HTTP_FIELD_VALUE: [400, "a field value holds a control character or one beyond Latin-1"],
  ERR_HTTP_REASON: [400, "the reason phrase holds a control character or one beyond Latin-1"],
  ERR_HTTP_HOST: [400, "an HTTP/1.1 request needs exactly one valid Host field"],
  ERR_HTTP_TARGET_TOO_LONG: [414, "the request line is longer than the limit"],
  ERR_HTTP_LINE_TOO_LONG: [494, "a line of the head is longer than the limit"],
  ERR_HTTP_HEAD_TOO_LONG: [494, "the head is longer than the limit"],
  ERR_HTTP_TOO_MANY_FIELDS: [431, "the head has more fields than the limit"],
  ERR_HTTP_CONTENT_LENGTH: [400, "Content-Length is not one decimal number"],
  ERR_HTTP_TRANSFER_ENCODING: [400, "Transfer-Encoding is malformed, or not allowed in this message"],
  ERR_HTTP_TRANSFER_CODING: [501, "the only transfer coding understood is `chunked`"],
  ERR_HTTP_FRAMING: [400, "Content-Length and Transfer-Encoding contradict each other, or the body that is sent"],
  ERR_HTTP_CHUNK: [400, "the chunked body is malformed"],
  ERR_HTTP_CHUNK_EXTENSION: [400, "a chunk extension is malformed or too long"],
  ERR_HTTP_TRAILERS: [400, "the trailer section holds a field that may not be there"],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type HttpMessageErrorCode = keyof typeof messageErrors;

/**
 * A message that breaks the grammar or a limit, received or about to be sent. `status` is what a server would answer; 494 is
 * nginx's own code for "header too large", which is sent as 400. The message never quotes the offending bytes.
 */
export class HttpMessageError extends Error {
  readonly code: HttpMessageErrorCode;
  readonly status: number;

  constructor(code: HttpMessageErrorCode) {
    super(messageErrors[code][1]);
    this.name = "HttpMessageError";
    this.code = code;
    this.status = messageErrors[code][0];
  }
}

const upstreamErrors = {
  ERR_UPSTREAM_CONNECT: "the connection could not be opened",
  ERR_UPSTREAM_CONNECT_TIMEOUT: "the connection was not open in time",
  ERR_UPSTREAM_TLS: "the TLS handshake failed",
  ERR_UPSTREAM_WRITE_TIMEOUT: "the upstream did not take the request in time",
  ERR_UPSTREAM_READ_TIMEOUT: "the upstream did not answer in time",
  ERR_UPSTREAM_RESET: "the upstream closed the connection before its answer was complete",
  ERR_UPSTREAM_PROTOCOL: "the upstream's answer is not valid HTTP/1.1",
  ERR_UPSTREAM_POOL_CLOSED: "the pool of connections is closed",
} as const;

export type UpstreamErrorCode = keyof typeof upstreamErrors;

/** `connect`: nothing was sent; `send`: the request was on its way; `wait`: sent, no final head yet; `receive`: its head was delivered. */
export type UpstreamPhase = "connect" | "send" | "wait" | "receive";

/** What is known when an exchange fails; whether to try again is the caller's decision. */
export interface UpstreamFacts {
  readonly phase: UpstreamPhase;
  /** The connection had served another request before: it may have been closed while it lay idle. */
  readonly reused: boolean;
  /** Bytes of the request's body that were given to the connection. */
  readonly bodyBytesSent: number;
  /** At least one byte of an answer came, be it informational. */
  readonly responseStarted: boolean;
}

/** An exchange with an upstream failed; `cause` is the system's, TLS's or parser's error where there is one. */
export class UpstreamError extends Error implements UpstreamFacts {
  readonly code: UpstreamErrorCode;
  readonly phase: UpstreamPhase;
  readonly reused: boolean;
  readonly bodyBytesSent: number;
  readonly responseStarted: boolean;

  constructor(code: UpstreamErrorCode, facts: UpstreamFacts, cause?: unknown) {
    super(upstreamErrors[code], cause === undefined ? undefined : { cause });
    this.name = "UpstreamError";
    this.code = code;
    this.phase = facts.phase;
    this.reused = facts.reused;
    this.bodyBytesSent = facts.bodyBytesSent;
    this.responseStarted = facts.responseStarted;
  }
}
