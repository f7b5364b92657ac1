import { createHash, createHmac } from "node:crypto";

/** Signature Version 4 of a token, by the AWS documentation ("Create a signed AWS API request", query parameters). */
export function signatureOf(token: string, secret: string): string {
  const url = new URL(`https://${token}`);
  url.searchParams.delete("X-Amz-Signature");
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  const request = ["GET", "/", query.join("&"), `host:${url.host}`, "", "host", hash("")].join("\n");
  const time = url.searchParams.get("X-Amz-Date")!;
  const [, ...scope] = url.searchParams.get("X-Amz-Credential")!.split("/");
  const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), hash(request)].join("\n");
  const sign = (key: string | Buffer, part: string) => createHmac("sha256", key).update(part).digest();
  return sign(scope.reduce<string | Buffer>(sign, `AWS4${secret}`), text).toString("hex");
}

/** The parameters of a token. */
export function partsOf(token: string): Record<string, string> {
  return Object.fromEntries(new URL(`https://${token}`).searchParams);
}
