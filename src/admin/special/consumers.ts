import type { Stores } from "../../entities/index.ts";
import { json, message } from "../answer.ts";
import { argument } from "../call.ts";
import type { Route } from "../paths.ts";
import type { Secrets } from "../secrets.ts";

/** `GET /consumers?custom_id=x`: the consumer with this id of another system; other queries go to the `list` given. */
export function consumersRoute(list: Route, stores: Stores, secrets: Secrets): Route {
  const store = stores.named("consumers");
  const { GET } = list.methods;
  if (!store || !GET) return list;
  return {
    ...list,
    methods: {
      ...list.methods,
      GET: async (call) => {
        const custom_id = argument(call, "custom_id");
        if (custom_id === undefined) return GET(call);
        if (typeof custom_id !== "string" || custom_id === "")
          return message(400, "custom_id must be an unempty string");
        const consumer = await store.select({ custom_id });
        return json(200, { data: consumer ? [secrets.hide(store.entity, consumer)] : [], next: null });
      },
    },
  };
}
