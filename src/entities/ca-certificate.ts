import { createHash } from "node:crypto";
import type { Entity, RowOf } from "../schema/index.ts";
import { certificateFault, parseCertificate } from "./certificate.ts";
import { createdAt, tags, updatedAt, uuid } from "./common.ts";

function trustFault({ cert }: { readonly cert: string }): string | undefined {
  if (cert.split("-----BEGIN CERTIFICATE-----").length > 2) return "please submit only one certificate at a time";
  const parsed = parseCertificate(cert);
  if (!parsed) return undefined;
  if (Date.parse(parsed.validTo) < Date.now()) return 'certificate expired, "Not After" time is in the past';
  return parsed.ca
    ? undefined
    : 'certificate does not appear to be a CA because it is missing the "CA" basic constraint';
}

export const caCertificate = {
  name: "ca_certificates",
  description: "The certificate of an authority that is trusted for upstreams.",
  primary_key: ["id"],
  fields: {
    id: uuid,
    created_at: createdAt,
    updated_at: updatedAt,
    cert: { type: "string", required: true, check: certificateFault, description: "The certificate in PEM format." },
    cert_digest: {
      type: "string",
      unique: true,
      description: "SHA-256 of the certificate in hex; made by the server.",
    },
    tags,
  },
  entity_checks: [{ custom_entity_check: { field_sources: ["cert"], fn: trustFault } }],
  transforms: [
    {
      input: ["cert"],
      onWrite: (cert: string) => ({
        cert_digest: createHash("sha256").update(parseCertificate(cert)!.raw).digest("hex"),
      }),
    },
  ],
  deleteGuard: async ({ id }, read) => {
    const services = await read.all("services");
    const user = services.find(({ ca_certificates: used }) => Array.isArray(used) && used.includes(id));
    return user && `ca certificate ${id} is still referenced by services (id = ${user.id})`;
  },
} as const satisfies Entity;

export type CaCertificate = RowOf<typeof caCertificate>;
