import { CommandError } from "./command.ts";
import { readText } from "./kong-document.ts";

const TIMEOUT_MS = 60_000;

export interface AdminAnswer {
  readonly status: number;
  /** Undefined when the body is no JSON. */
  readonly body: unknown;
}

/** An Admin API, for requests of JSON. */
export interface AdminApi {
  /** Its address as errors show it. */
  readonly name: string;
  /** Throws CommandError when there is no answer, or one of 5xx, 401 or 403. */
  send(method: "GET" | "PUT" | "POST", path: string, body?: unknown): Promise<AdminAnswer>;
}

/** `headers` are sent with every request, as `name: value` texts. Throws CommandError when the address is none. */
export function openAdminApi(option: string, address: string, headers: readonly string[] = []): AdminApi {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new CommandError(`--${option} expects a URL such as http://127.0.0.1:8001`);
  }
  const base = url.origin + url.pathname.replace(/\/+$/, "");
  const sent = readHeaders(option, headers);
  return {
    name: base,
    async send(method, path, body) {
      const what = `${method} ${base}${path.replace(/\?.*/, "")}`;
      const answer = await request(what, base + path, {
        method,
        headers: body === undefined ? sent : { ...sent, "content-type": "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (answer.status < 500 && answer.status !== 401 && answer.status !== 403) return answer;
      throw new CommandError(`${what} was answered with ${answer.status}`);
    },
  };
}

function readHeaders(option: string, headers: readonly string[]): Record<string, string> {
  const entries = headers.map((text) => {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):\s*([\x20-\x7e]*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new CommandError(`--${option}-header expects "name: value"`);
    return [name, value] as const;
  });
  return { accept: "application/json", ...Object.fromEntries(entries) };
}

async function request(what: string, url: string, init: RequestInit): Promise<AdminAnswer> {
  try {
    const response = await fetch(url, init);
    const text = response.body ? await readText(response.body, `the answer to ${what}`) : "";
    return { status: response.status, body: parse(text) };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message;
    throw new CommandError(`${what} was not answered: ${reason}`, { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
