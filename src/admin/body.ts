import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Input } from "../entities/index.ts";
import { isRecord } from "../schema/index.ts";
import { Refusal } from "./errors.ts";
import { nest, parseArguments } from "./form.ts";
import { parseJson } from "./json.ts";
import { parseMultipart } from "./multipart.ts";

/** What a request's body says. */
export interface Body {
  readonly input: Input;
  /** The values are text, whose types the schema has to tell (SPEC-admin-api §1.4). JSON is taken as it is. */
  readonly isForm: boolean;
}

/** Of a request without a body. */
export const NO_BODY: Body = { input: {}, isForm: false };

/**
 * Read and decode the body of a write, at most `maxBytes` (0: any), by its type; YAML, where it is taken, is the member
 * `config` as it is. Throws a `Refusal` (SPEC-admin-api §1.2, §1.3).
 */
export async function readBody(request: IncomingMessage, maxBytes: number, takesYaml = false): Promise<Body> {
  const types = request.headersDistinct["content-type"] ?? [];
  if (types.length > 1) throw new Refusal("many_content_types");
  const [type = ""] = types;
  const decode = decoderOf(type, takesYaml);
  const bytes = await readBytes(request, maxBytes || Number.POSITIVE_INFINITY);
  if (type === "" && bytes.length === 0) return NO_BODY;
  if (!decode) throw new Refusal("unsupported_media_type");
  return decode(bytes, type);
}

type Decode = (bytes: Buffer, type: string) => Body | Promise<Body>;

/** By prefix, in lower case only, as Kong compares them. */
const DECODERS: readonly (readonly [prefix: string, decode: Decode])[] = [
  ["application/json", decodeJson],
  [
    "application/x-www-form-urlencoded",
    (bytes) => ({ input: nest(parseArguments(bytes.toString("latin1"))), isForm: true }),
  ],
  ["multipart/form-data", async (bytes, type) => ({ input: nest(await parseMultipart(type, bytes)), isForm: true })],
];

const YAML = ["application/yaml", "text/yaml"];

function decoderOf(type: string, takesYaml: boolean): Decode | undefined {
  if (takesYaml && YAML.some((prefix) => type.startsWith(prefix))) return decodeText;
  return DECODERS.find(([prefix]) => type.startsWith(prefix))?.[1];
}

function decodeText(bytes: Buffer): Body {
  if (!isUtf8(bytes)) throw new Refusal("not_utf8");
  return { input: { config: bytes.toString("utf8") }, isForm: false };
}

function decodeJson(bytes: Buffer): Body {
  if (!isUtf8(bytes)) throw new Refusal("no_json");
  const input = parseJson(bytes.toString("utf8"));
  if (!isRecord(input)) throw new Refusal("no_json_object");
  return { input, isForm: false };
}

/** A body that is too large is read to its end and dropped, so that the client is there to hear why it is refused. */
async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch (cause) {
    throw new Refusal("body_cut_short", { cause });
  }
  if (size > maxBytes) throw new Refusal("body_too_large");
  return Buffer.concat(chunks);
}
