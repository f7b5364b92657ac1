import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { Settings } from "../settings.ts";
import { CommandError } from "./command.ts";
import type { Prefix } from "./prefix.ts";

const YEARS = 20;

/**
 * The certificate of TLS listeners: the configured pair, else the self-signed one in the prefix, which is made at the first
 * start. Throws CommandError when a configured file is missing or the two do not belong together.
 */
export async function loadCertificate(settings: Settings, prefix: Prefix): Promise<SecureContextOptions> {
  const own = settings.ssl_cert === undefined && settings.ssl_cert_key === undefined;
  if (own && !(existsSync(prefix.certificate) && existsSync(prefix.certificateKey))) await make(prefix);
  const certFile = settings.ssl_cert ?? prefix.certificate;
  const keyFile = settings.ssl_cert_key ?? prefix.certificateKey;
  const pair = { cert: read("ssl_cert", certFile), key: read("ssl_cert_key", keyFile) };
  try {
    createSecureContext(pair);
  } catch (error) {
    const files = `${certFile} and ${keyFile}`;
    throw new CommandError(`ssl_cert and ssl_cert_key are no certificate with its key (${files})`, { cause: error });
  }
  return { ...pair, minVersion: "TLSv1.2" };
}

async function make(prefix: Prefix): Promise<void> {
  const { generate } = await import("selfsigned");
  const now = new Date();
  const notAfterDate = new Date(now);
  notAfterDate.setFullYear(now.getFullYear() + YEARS);
  const pems = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: now,
    notAfterDate,
    extensions: [
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  try {
    writeFileSync(prefix.certificateKey, pems.private, { mode: 0o600 });
    writeFileSync(prefix.certificate, pems.cert, { mode: 0o600 });
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    throw new CommandError(`the self-signed certificate cannot be kept: ${path} cannot be written (${code})`, {
      cause: error,
    });
  }
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new CommandError(`${setting}: ${file} cannot be read (${reason})`, { cause: error });
  }
}
