import { type Context, definePlugin, type Exit } from "../../gateway/index.ts";
import { andThen, type Fields } from "../../schema/index.ts";
import { acl as acls } from "./entities.ts";

const config = {
  allow: {
    type: "array",
    elements: { type: "string" },
    description: "The groups whose members may use the service or route. Either this or `deny` is set.",
  },
  deny: {
    type: "array",
    elements: { type: "string" },
    description: "The groups whose members may not use the service or route. Either this or `allow` is set.",
  },
  hide_groups_header: {
    type: "boolean",
    required: true,
    default: false,
    description: "Whether the upstream is not told of the groups: no `X-Consumer-Groups`, no `X-Authenticated-Groups`.",
  },
  always_use_authenticated_groups: {
    type: "boolean",
    required: true,
    default: false,
    description:
      "Whether groups that came with the authentication count also for an authenticated consumer, in the place of the consumer's own. If `false`, they count only where there is no consumer, or an anonymous one.",
  },
} as const satisfies Fields;

const LISTS = ["config.allow", "config.deny"] as const;

/** Admits or refuses by the groups of the consumer. Source: SPEC-auth-plugins §3. */
export const acl = definePlugin({
  name: "acl",
  priority: 950,
  noConsumer: true,
  config,
  checks: [{ only_one_of: LISTS }, { at_least_one_of: LISTS }],
  entities: [acls],
  create({ allow, deny, hide_groups_header, always_use_authenticated_groups }, { lookups }) {
    const denies = deny !== null && deny.length > 0;
    const listed = new Set(denies ? deny : allow);

    function decide(ctx: Context, groups: readonly string[], header: string): Exit | undefined {
      if (groups.some((group) => listed.has(group)) === denies) return forbid(ctx);
      if (!hide_groups_header) ctx.service.request.setHeader(header, groups.join(", "));
      return undefined;
    }

    return {
      access(ctx) {
        const { consumer, credential, authenticatedGroups, staleSeconds } = ctx.client;
        const id = consumer?.id ?? credential?.consumer?.id;
        if (authenticatedGroups && (id === undefined || !credential || always_use_authenticated_groups)) {
          return decide(ctx, authenticatedGroups, "X-Authenticated-Groups");
        }
        if (id === undefined) return refuse(ctx);
        return andThen(lookups.children(acls, "consumer", id, staleSeconds), (rows) => {
          if (rows.length === 0 && !denies) return refuse(ctx);
          const groups = rows.map((row) => row.group);
          return decide(ctx, groups, "X-Consumer-Groups");
        });
      },
    };
  },
});

function forbid(ctx: Context): Exit {
  return ctx.response.error(403, "You cannot consume this service");
}

/** Nobody is known to be in any group: whoever is not authenticated may still become somebody. */
function refuse(ctx: Context): Exit {
  return ctx.client.credential ? forbid(ctx) : ctx.response.error(401);
}
