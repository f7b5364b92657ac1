import { isUtf8 } from "node:buffer";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { Refusal } from "./errors.ts";
import { type Arguments, MAX_ARGUMENTS } from "./form.ts";
import { parseJson } from "./json.ts";

/**
 * Decode a `multipart/form-data` body: each part is a value, a file's content too; parts of type `application/json` are
 * parsed. Throws a `Refusal` when it is no such body or not UTF-8. Source: SPEC-admin-api §1.3.
 */
export async function parseMultipart(contentType: string, body: Buffer): Promise<Arguments> {
  if (!isUtf8(body)) throw new Refusal("not_utf8");
  const parser = createParser(contentType, body.length);
  const args: Arguments = [];
  await new Promise<void>((resolve, reject) => {
    parser.on("field", (name: string | undefined, value, _isNameCut, _isValueCut, _encoding, type) => {
      try {
        if (name === undefined) throw new Refusal("no_multipart");
        args.push([name, type.startsWith("application/json") ? parseJson(value) : value]);
      } catch (refusal) {
        reject(refusal);
      }
    });
    parser.on("fieldsLimit", () => reject(new Refusal("many_arguments")));
    parser.on("error", (cause) => reject(new Refusal("no_multipart", { cause })));
    parser.on("finish", resolve);
    parser.end(body);
  });
  return args;
}

function createParser(contentType: string, size: number): BusboyInstance {
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      isPartAFile: () => false,
      limits: { fieldSize: size, fields: MAX_ARGUMENTS, headerPairs: 20 },
    });
  } catch (cause) {
    throw new Refusal("no_multipart", { cause });
  }
}
