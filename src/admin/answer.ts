import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";

/** An answer of the Admin API; with neither `json` nor `text` it has no body. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: { readonly type: string; readonly content: string };
  /** Sent after those of CORS. */
  readonly headers?: Headers;
  /** As from nginx itself: none of the Admin API's own header fields, and the connection ends. */
  readonly isBare?: boolean;
}

export type Headers = readonly (readonly [name: string, value: string])[];

export const json = (status: number, value: unknown): Answer => ({ status, json: value });
export const message = (status: number, text: string): Answer => ({ status, json: { message: text } });
export const noContent: Answer = { status: 204 };
export const notFound = message(404, "Not found");
export const methodNotAllowed = message(405, "Method not allowed");

/** A status without a body of its own, as nginx completes it. Source: SPEC-proxy §6.1. */
export function page(status: number): Answer {
  const title = `${status} ${reasonOf(status)}`;
  const head = `<html>\r\n<head><title>${title}</title></head>\r\n`;
  const body = `<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return { status, text: { type: "text/html; charset=UTF-8", content: head + body } };
}

/** nginx's phrases, where they are not Node's. */
const REASONS: Readonly<Record<number, string>> = { 405: "Not Allowed", 413: "Request Entity Too Large" };

const reasonOf = (status: number): string => REASONS[status] ?? STATUS_CODES[status] ?? "";

/** What is sent besides the answer itself. */
export interface Sending {
  /** `sesame/x.y.z`, for Server. */
  readonly product: string;
  readonly cors: Headers;
  /** When the request came, in ms since the epoch. */
  readonly startMs: number;
}

/** Send an answer, its header fields in Kong's order and case (SPEC-admin-api §1.1). Answers how many bytes its body has. */
export function send(request: IncomingMessage, response: ServerResponse, answer: Answer, sending: Sending): number {
  const { type, content } = bodyOf(answer);
  const bytes = Buffer.byteLength(content);
  const length = ["Content-Length", String(bytes)];
  const connection = response.shouldKeepAlive && !answer.isBare ? "keep-alive" : "close";
  const own = answer.isBare
    ? []
    : [
        ...sending.cors.flat(),
        ...(answer.headers ?? []).flat(),
        ...(answer.status !== 204 && !answer.text ? length : []),
        ...["X-Kong-Admin-Latency", String(Date.now() - sending.startMs)],
      ];
  response.sendDate = false;
  response.writeHead(answer.status, reasonOf(answer.status), [
    ...["Date", new Date().toUTCString()],
    ...(type ? ["Content-Type", type] : []),
    ...(answer.text ? length : []),
    ...["Connection", connection],
    ...own,
    ...["Server", sending.product],
  ]);
  response.end(request.method === "HEAD" ? undefined : content);
  return request.method === "HEAD" ? 0 : bytes;
}

function bodyOf(answer: Answer): { type?: string; content: string } {
  if (answer.text) return answer.text;
  if (answer.json === undefined) return { content: "" };
  return { type: "application/json; charset=utf-8", content: JSON.stringify(answer.json) };
}
