import { CommandError } from "./command.ts";

/** A request as curl's words for it. */
export interface Call {
  readonly method: "GET" | "POST" | "PATCH";
  readonly url: string;
  /** What curl sends for `--data`: `name=value` texts, not encoded, joined by `&`. */
  readonly data?: readonly string[];
  /** `name: value` texts. */
  readonly headers?: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

/** The command line that sends a call from a shell, in lines of one option or a few. */
export function curlLines({ method, url, data = [], headers = [] }: Call): string[] {
  const options = [
    ...(method === "GET" ? [] : [`-X ${method}`]),
    `--url ${quoted(url)}`,
    ...data.map((text) => `--data ${quoted(text)}`),
    ...headers.map((text) => `-H ${quoted(text)}`),
  ];
  const lines = ["curl -i"];
  for (const option of options) {
    if (lines.at(-1)!.length + option.length > 96) lines.push(` ${option}`);
    else lines[lines.length - 1] += ` ${option}`;
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line} \\` : line));
}

/** A word that every shell takes for this text and nothing else. */
function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Send a call as curl would, over a socket of its own. Throws CommandError when there is no answer. */
export async function perform({ method, url, data, headers = [] }: Call): Promise<Answer> {
  const sent = new Headers(headers.map((text) => splitHeader(text)));
  if (data) sent.set("content-type", "application/x-www-form-urlencoded");
  try {
    const response = await fetch(url, {
      method,
      headers: sent,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(data && { body: data.join("&") }),
    });
    return { status: response.status, headers: response.headers, body: await response.text() };
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new CommandError(`${method} ${url} was not answered: ${reason}`, { cause: error });
  }
}

function splitHeader(text: string): [name: string, value: string] {
  const colon = text.indexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}
