import type { Headers } from "../http1/index.ts";

/** An answer that the gateway makes itself; a handler that returns one ends its phase. */
export interface Exit {
  readonly status: number;
  /** Absent: no `Content-Type` is sent. */
  readonly contentType: string | undefined;
  readonly body: string | Uint8Array;
  /** Further headers: name, value, name, value … */
  readonly headers: readonly string[];
  /** The connection ends after this answer: what the client sent could not be understood. */
  readonly close?: boolean;
}

export type HeaderValues = Readonly<Record<string, string>>;

/** Reason phrases as nginx writes them; a status that nginx does not know has none. Source: SPEC-proxy §5. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Moved Temporarily",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Not Allowed",
  406: "Not Acceptable",
  408: "Request Time-out",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Request Entity Too Large",
  414: "Request-URI Too Large",
  415: "Unsupported Media Type",
  416: "Requested Range Not Satisfiable",
  421: "Misdirected Request",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Temporarily Unavailable",
  504: "Gateway Time-out",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

export function reasonOf(status: number): string {
  return REASONS[status] ?? "";
}

/** Kong's text for a status without a message of its own. Source: SPEC-proxy §6. */
const MESSAGES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Unauthorized",
  402: "Payment required",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  406: "Not acceptable",
  407: "Proxy authentication required",
  408: "Request timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length required",
  412: "Precondition failed",
  413: "Payload too large",
  414: "URI too long",
  415: "Unsupported media type",
  416: "Range not satisfiable",
  417: "Expectation failed",
  418: "I'm a teapot",
  421: "Misdirected request",
  422: "Unprocessable entity",
  423: "Locked",
  424: "Failed dependency",
  425: "Too early",
  426: "Upgrade required",
  428: "Precondition required",
  429: "Too many requests",
  431: "Request header fields too large",
  451: "Unavailable for legal reasons",
  494: "Request header or cookie too large",
  500: "An unexpected error occurred",
  501: "Not implemented",
  502: "An invalid response was received from the upstream server",
  503: "The upstream server is currently unavailable",
  504: "The upstream server is timing out",
  505: "HTTP version not supported",
  507: "Insufficient storage",
  508: "Loop detected",
  510: "Not extended",
  511: "Network authentication required",
};

export function messageOf(status: number): string {
  return MESSAGES[status] ?? `The upstream server responded with ${status}`;
}

const NO_HEADERS: readonly string[] = [];

function flatten(headers: HeaderValues | undefined): readonly string[] {
  return headers ? Object.entries(headers).flat() : NO_HEADERS;
}

/**
 * An answer as `kong.response.exit` makes it: an object is sent as compact JSON, text and bytes as they are (name their
 * `Content-Type` among the headers), and without a body the status gets nginx's page or nothing. Source: SPEC-proxy §6.1.
 */
export function exit(status: number, body?: object | string | Uint8Array, headers?: HeaderValues): Exit {
  if (body === undefined) return barePage(status, headers);
  if (typeof body === "string" || body instanceof Uint8Array) {
    return { status, contentType: undefined, body, headers: flatten(headers) };
  }
  const contentType = "application/json; charset=utf-8";
  return { status, contentType, body: JSON.stringify(body), headers: flatten(headers) };
}

const TITLES: Readonly<Record<number, string>> = { 302: "Found", 401: "Authorization Required" };

function barePage(status: number, headers: HeaderValues | undefined): Exit {
  const reason = TITLES[status] ?? REASONS[status];
  if (status < 300 || reason === undefined)
    return { status, contentType: undefined, body: "", headers: flatten(headers) };
  const title = `${status} ${reason}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  const contentType = status === 302 ? "text/html" : "text/html; charset=UTF-8";
  return { status, contentType, body, headers: flatten(headers) };
}

type ErrorType = "json" | "html" | "plain" | "xml";

const TYPES: Readonly<Record<string, ErrorType>> = {
  "application/json": "json",
  "application/*": "json",
  "*/*": "json",
  "text/html": "html",
  "text/plain": "plain",
  "text/*": "plain",
  "application/xml": "xml",
};

/** The error type that an `Accept` (or `Content-Type`) value asks for: highest `q`, the first of equals. Source: SPEC-proxy §6. */
function preferredType(accept: string): ErrorType {
  let best: ErrorType = "json";
  let bestQuality = 0;
  for (const item of accept.split(",")) {
    const [type = "", ...parameters] = item.split(";");
    let quality = 1;
    for (const parameter of parameters) {
      const match = /^\s*q\s*=\s*([\d.]+)\s*$/i.exec(parameter);
      if (match) quality = Number(match[1]);
    }
    if (quality > bestQuality) {
      bestQuality = quality;
      best = TYPES[type.trim().toLowerCase()] ?? "json";
    }
  }
  return best;
}

const TEMPLATES: Readonly<Record<ErrorType, { type: string; body: (message: string, requestId: string) => string }>> = {
  json: {
    type: "application/json; charset=utf-8",
    body: (message, id) => `{\n  "message":"${message}",\n  "request_id":"${id}"\n}`,
  },
  html: {
    type: "text/html; charset=utf-8",
    body: (message, id) =>
      `<!doctype html>\n<html>\n  <head>\n    <meta charset="utf-8">\n    <title>Error</title>\n  </head>\n  <body>\n    <h1>Error</h1>\n    <p>${message}.</p>\n    <p>request_id: ${id}</p>\n  </body>\n</html>\n`,
  },
  plain: { type: "text/plain; charset=utf-8", body: (message, id) => `${message}\nrequest_id: ${id}\n` },
  xml: {
    type: "application/xml; charset=utf-8",
    body: (message, id) =>
      `<?xml version="1.0" encoding="UTF-8"?>\n<error>\n  <message>${message}</message>\n  <requestid>${id}</requestid>\n</error>\n`,
  },
};

/** What decides the form of an error: plugins and router look at `Accept` only, the server itself also at `Content-Type`. */
export interface ErrorForm {
  readonly requestId: string;
  readonly accept: string | undefined;
}

/** An error in the form the client accepts, JSON where it says nothing. Messages are ours, never the client's. */
export function errorExit(status: number, message: string | undefined, form: ErrorForm, headers?: HeaderValues): Exit {
  const template = TEMPLATES[form.accept === undefined ? "json" : preferredType(form.accept)];
  const body = template.body(message ?? messageOf(status), form.requestId);
  return { status, contentType: template.type, body, headers: flatten(headers) };
}

/**
 * An error of the server level (unreadable request, upstream failure): form by `Accept`, else by the request's `Content-Type`,
 * else `text/plain`. Source: SPEC-proxy §6.
 */
export function serverError(
  status: number,
  headers: Headers | undefined,
  requestId: string,
  defaultType: string,
): Exit {
  const accept = headers?.get("accept") ?? headers?.get("content-type") ?? defaultType;
  return errorExit(status === 494 ? 400 : status, messageOf(status), { requestId, accept });
}
