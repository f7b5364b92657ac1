import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type Entity, isReference, type RowOf } from "../schema/index.ts";
import { createdAt, tags, updatedAt, uuid, wildcardHost } from "./common.ts";

const pem = { type: "string", referenceable: true } as const;

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

export function parseCertificate(text: string): X509Certificate | undefined {
  return attempt(() => new X509Certificate(text));
}

function parseKey(text: string): KeyObject | undefined {
  return attempt(() => createPrivateKey(text));
}

export function certificateFault(text: string): string | undefined {
  return parseCertificate(text) ? undefined : "invalid certificate: expected a certificate in PEM format";
}

function keyFault(text: string): string | undefined {
  return parseKey(text) ? undefined : "invalid key: expected a private key in PEM format";
}

const certificatePem = { ...pem, check: certificateFault } as const;
const keyPem = { ...pem, encrypted: true, check: keyFault } as const;

/** Whether the key is that of the certificate; undefined when one is absent or kept elsewhere. */
function belongTogether(certificate: unknown, key: unknown): boolean | undefined {
  if (typeof certificate !== "string" || typeof key !== "string" || isReference(certificate) || isReference(key)) {
    return undefined;
  }
  const parsed = parseKey(key);
  return parsed && parseCertificate(certificate)?.checkPrivateKey(parsed);
}

export const certificate = {
  name: "certificates",
  description: "A certificate with its private key, shown to clients by server name, or to upstreams.",
  primary_key: ["id"],
  fields: {
    id: uuid,
    created_at: createdAt,
    updated_at: updatedAt,
    cert: { ...certificatePem, required: true, description: "The certificate and its chain in PEM format." },
    key: { ...keyPem, required: true, description: "The private key in PEM format." },
    cert_alt: { ...certificatePem, description: "A second certificate, of another type of key." },
    key_alt: { ...keyPem, description: "The private key of the second certificate." },
    tags,
  },
  entity_checks: [
    { mutually_required: ["cert_alt", "key_alt"] },
    {
      custom_entity_check: {
        field_sources: ["cert", "key"],
        fn: ({ cert, key }: { cert: unknown; key: unknown }) =>
          belongTogether(cert, key) === false ? "certificate does not match key" : undefined,
      },
    },
    {
      custom_entity_check: {
        field_sources: ["cert_alt", "key_alt"],
        fn: ({ cert_alt, key_alt }: { cert_alt: unknown; key_alt: unknown }) =>
          belongTogether(cert_alt, key_alt) === false ? "alternative certificate does not match key" : undefined,
      },
    },
    {
      custom_entity_check: {
        field_sources: ["cert", "cert_alt"],
        fn: ({ cert, cert_alt }: { cert: string; cert_alt: string | null }) => {
          const type = (text: string | null) => text && parseCertificate(text)?.publicKey.asymmetricKeyType;
          return cert_alt && type(cert) === type(cert_alt)
            ? "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), the provided certificates were both of the same type"
            : undefined;
        },
      },
    },
  ],
} as const satisfies Entity;

export const sni = {
  name: "snis",
  description: "A server name, and the certificate shown for it.",
  primary_key: ["id"],
  endpoint_key: "name",
  fields: {
    id: uuid,
    name: {
      ...wildcardHost,
      required: true,
      unique: true,
      description: "The server name; `*` may be its first or last label.",
    },
    created_at: createdAt,
    updated_at: updatedAt,
    tags,
    certificate: {
      type: "foreign",
      reference: "certificates",
      required: true,
      on_delete: "cascade",
      description: "The certificate.",
    },
  },
} as const satisfies Entity;

export type Certificate = RowOf<typeof certificate>;
export type Sni = RowOf<typeof sni>;
