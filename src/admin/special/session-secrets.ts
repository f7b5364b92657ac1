import { randomBytes } from "node:crypto";
import type { EntityStore, Stores } from "../../entities/index.ts";
import { isReference, type Row, schemaViolation } from "../../schema/index.ts";
import { json } from "../answer.ts";
import type { Body } from "../body.ts";
import type { Route } from "../paths.ts";

/** How many earlier secrets a session plugin takes. */
const MOST_KEPT = 8;

/** The settings of a session plugin that this is about. */
interface Secrets {
  readonly secret: string | null;
  readonly secret_fallbacks?: readonly string[] | null;
}

/**
 * `POST /sessions/secrets/rotate`: every session plugin gets a new secret, and keeps the old one among `secret_fallbacks`, of
 * which `keep` stay. Plugins that shared a secret share the new one, as their cookies are each other's. No secret is shown.
 *
 * It is done in two steps, each known to all nodes when it ends: at first everybody can open what the new secret seals, then
 * everybody seals with it. So nobody meets a node that does not know the visitor's cookie yet.
 */
export function rotateSecretsRoute(stores: Stores): Route[] {
  const plugins = stores.named("plugins");
  if (!plugins) return [];
  return [
    {
      path: "/sessions/secrets/rotate",
      methods: {
        async POST({ body }) {
          const keep = readKeep(body);
          const rows = (await plugins.all()).filter((row) => row["name"] === "session");
          const left = rows.filter((row) => newSecretFault(secretsOf(row)) !== undefined);
          const rotated = rows.filter((row) => !left.includes(row));
          await rotate(plugins, rotated, keep);
          return json(200, {
            rotated: rotated.map(({ id }) => ({ id })),
            left: left.map((row) => ({ id: row.id, reason: newSecretFault(secretsOf(row)) })),
          });
        },
      },
    },
  ];
}

async function rotate(plugins: EntityStore, rows: readonly Row[], keep: number): Promise<void> {
  const successors = new Map(rows.map((row) => [secretsOf(row).secret, randomBytes(32).toString("base64url")]));
  const next = (row: Row) => successors.get(secretsOf(row).secret)!;
  const write = (row: Row, config: Secrets | Pick<Secrets, "secret_fallbacks">) =>
    plugins.update({ id: row.id }, { config });
  for (const row of rows) {
    const { secret_fallbacks } = secretsOf(row);
    await write(row, { secret_fallbacks: [next(row), ...(secret_fallbacks ?? [])].slice(0, MOST_KEPT) });
  }
  for (const row of rows) {
    const { secret, secret_fallbacks } = secretsOf(row);
    await write(row, { secret: next(row), secret_fallbacks: [secret!, ...(secret_fallbacks ?? [])].slice(0, keep) });
  }
}

const secretsOf = (row: Row): Secrets => row["config"] as Secrets;

function newSecretFault({ secret }: Secrets): string | undefined {
  if (secret === null) return "has no secret: each of its processes makes its own";
  if (isReference(secret)) return "has a reference as its secret: change what it refers to";
  return undefined;
}

/** Throws code 2. */
function readKeep({ input, isForm }: Body): number {
  const { keep: sent = MOST_KEPT, ...others } = input;
  const keep = isForm && typeof sent === "string" && /^\d+$/.test(sent) ? Number(sent) : sent;
  const [other] = Object.keys(others);
  if (other !== undefined) throw schemaViolation({ [other]: "unknown field" });
  if (Number.isInteger(keep) && (keep as number) >= 1 && (keep as number) <= MOST_KEPT) return keep as number;
  throw schemaViolation({ keep: `value should be between 1 and ${MOST_KEPT}` });
}
