import { createMasker, type Masker } from "./log-mask.ts";
import { openSink, type Sink } from "./log-sink.ts";

/** A finished request, as its line in an access log tells it. */
export interface AccessEntry {
  /** The client's address. */
  readonly address: string;
  /** Milliseconds since the epoch, when the answer was finished. */
  readonly time: number;
  readonly method: string;
  /** The request target as received. */
  readonly target: string;
  readonly httpVersion: string;
  readonly status: number;
  /** Bytes of the body that was sent. */
  readonly bytes: number;
  readonly referer?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId: string;
}

export interface AccessLog {
  log(entry: AccessEntry): void;
  close(): void;
}

const MOST_AGENTS = 500;

/**
 * Create an access log in nginx's form "combined", with the request id that Kong adds, credentials masked:
 *
 *   127.0.0.1 - - [20/Nov/2026:09:53:01 +0000] "GET /a?apikey=****** HTTP/1.1" 200 12 "-" "curl/8.5" kong_request_id: "5e8c..."
 *
 * `to` is a path, `/dev/stdout`, `/dev/stderr`, `off` (then the answer is undefined: nothing to call) or a sink.
 */
export function createAccessLog(to: string | Sink, masker: Masker = createMasker()): AccessLog | undefined {
  if (to === "off") return undefined;
  const sink = typeof to === "string" ? openSink(to) : to;
  let second = Number.NaN;
  let timestamp = "";
  // Few user agents make most requests, and looking for secrets in one takes longer than the rest of its line.
  const agents = new Map<string, string>();

  function log(entry: AccessEntry): void {
    const now = Math.floor(entry.time / 1000);
    if (now !== second) [second, timestamp] = [now, formatTime(now)];
    const request = `${entry.method} ${masker.target(entry.target)} HTTP/${httpVersion(entry.httpVersion)}`;
    const referer = entry.referer === undefined ? "-" : escapeQuoted(masker.target(entry.referer));
    const agent = entry.userAgent === undefined ? "-" : describeAgent(entry.userAgent);
    sink.write(
      `${escapeQuoted(entry.address)} - - [${timestamp}] "${escapeQuoted(request)}" ${entry.status} ${entry.bytes} ` +
        `"${referer}" "${agent}" kong_request_id: "${escapeQuoted(entry.requestId)}"\n`,
    );
  }

  function describeAgent(userAgent: string): string {
    const known = agents.get(userAgent);
    if (known !== undefined) return known;
    const described = escapeQuoted(masker.text(userAgent));
    if (userAgent.length > 512) return described;
    if (agents.size >= MOST_AGENTS) agents.clear();
    agents.set(userAgent, described);
    return described;
  }

  return { log, close: sink.close };
}

/** nginx writes HTTP/2.0. */
function httpVersion(version: string): string {
  return version === "2" ? "2.0" : version;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The second as nginx's `$time_local` in UTC. */
function formatTime(second: number): string {
  const [, year, month, day, clock] = /^(\d+)-(\d\d)-(\d\d)T(.{8})/.exec(new Date(second * 1000).toISOString())!;
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${clock} +0000`;
}

/** Quotes, backslashes and what is not printable ASCII as `\xXX`, as nginx does: nothing ends the quotes or the line. */
function escapeQuoted(text: string): string {
  if (!/[^\x20-\x7e]|["\\]/.test(text)) return text;
  let escaped = "";
  for (const character of text) {
    if (/[^\x20-\x7e]|["\\]/.test(character)) escaped += escapeBytes(character);
    else escaped += character;
  }
  return escaped;
}

/** Headers arrive as latin1, a byte a character; what is above comes from elsewhere and counts as UTF-8. */
function escapeBytes(character: string): string {
  const bytes = Buffer.from(character, character.length === 1 && character <= "\xff" ? "latin1" : "utf8");
  return [...bytes].map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
