import { STATUS_CODES } from "node:http";
import { styleText } from "node:util";
import { CommandError } from "./command.ts";
import { type Answer, type Call, curlLines, perform } from "./quickstart-call.ts";

/** An entity as the Admin API answers it. */
export interface Row {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** What of an answer a reader looks at. */
interface Telling {
  readonly status: number;
  /** A header to show; its absence is shown, too. */
  readonly header?: string;
  /** The members of a JSON body to show, `config.storage` being one in another; the beginning of the body when absent. */
  readonly members?: readonly string[];
}

/** Does the steps of a walkthrough and shows each: what it is for, the command, the answer. */
export interface Guide {
  /** Send a call. An answer with another status is marked as such in the output. */
  show(title: string, call: Call, telling: Telling): Promise<Answer>;
  /** Create an entity unless `known` is one. Throws CommandError when it is refused. */
  create(title: string, known: Row | undefined, call: Omit<Call, "method">, members: readonly string[]): Promise<Row>;
  /** Change an entity. Throws CommandError when that is refused. */
  change(title: string, call: Omit<Call, "method">, members: readonly string[]): Promise<Row>;
  /** The entity at a URL of the Admin API, or of the list there the one that is meant; undefined when there is none. */
  find(url: string, isMeant?: (row: Row) => boolean): Promise<Row | undefined>;
}

export function createGuide(print: (text: string) => void): Guide {
  let number = 0;

  function heading(title: string): void {
    number++;
    print(`\n${styleText("bold", `${number}. ${title}`)}\n`);
  }

  async function show(title: string, call: Call, telling: Telling): Promise<Answer> {
    heading(title);
    const [first, ...more] = curlLines(call);
    print(`   ${styleText("cyan", `$ ${first}`)}\n`);
    for (const line of more) print(`   ${styleText("cyan", `    ${line}`)}\n`);
    const answer = await perform(call);
    for (const line of answerLines(answer, telling)) print(`   ${line}\n`);
    return answer;
  }

  async function row(title: string, call: Call, status: number, members: readonly string[]): Promise<Row> {
    const answer = await show(title, call, { status, members });
    if (answer.status === status) return JSON.parse(answer.body) as Row;
    const { pathname } = new URL(call.url);
    throw new CommandError(
      `${call.method} ${pathname} was answered ${answer.status}, expected ${status}: ${answer.body}`,
    );
  }

  return {
    show,
    async create(title, known, call, members) {
      if (known === undefined) return row(title, { method: "POST", ...call }, 201, members);
      heading(title);
      print(`   kept from an earlier start: ${picture(known, members)}\n`);
      return known;
    },
    change: (title, call, members) => row(title, { method: "PATCH", ...call }, 200, members),
    async find(url, isMeant) {
      const { status, body } = await perform({ method: "GET", url });
      if (status === 404) return undefined;
      if (status !== 200) throw new CommandError(`GET ${new URL(url).pathname} was answered ${status}: ${body}`);
      const found = JSON.parse(body) as Row & { readonly data: readonly Row[] };
      return isMeant ? found.data.find(isMeant) : found;
    },
  };
}

function answerLines({ status, headers, body }: Answer, telling: Telling): string[] {
  const line = `${status} ${STATUS_CODES[status] ?? ""}`.trim();
  const isExpected = status === telling.status;
  const isJson = headers.get("content-type")?.startsWith("application/json");
  const lines = [isExpected ? styleText("green", line) : styleText("red", `${line} (expected ${telling.status})`)];
  if (telling.header) lines.push(headerLine(telling.header, headers.get(telling.header)));
  if (body !== "") lines.push(styleText("dim", excerpt(body, isExpected && isJson ? telling.members : undefined)));
  return lines;
}

function headerLine(name: string, value: string | null): string {
  return value === null ? `(no ${name})` : `${name}: ${value}`;
}

function excerpt(body: string, members: readonly string[] | undefined): string {
  if (members) return picture(JSON.parse(body) as object, members);
  const line = body.replace(/\s+/g, " ").trim();
  return line.length > 160 ? `${line.slice(0, 160)} ...` : line;
}

/** Some members of an object, and dots for the rest. */
function picture(body: object, members: readonly string[]): string {
  const shown = members.map((member) => `${JSON.stringify(member)}: ${JSON.stringify(memberOf(body, member))}`);
  return `{ ${shown.join(", ")}, ... }`;
}

function memberOf(value: unknown, path: string): unknown {
  return path.split(".").reduce((parent, name) => (parent as Record<string, unknown> | null)?.[name], value) ?? null;
}
