import type { Stores } from "../../entities/index.ts";
import { schemaViolation } from "../../schema/index.ts";
import { firstParam } from "../call.ts";
import { pageAnswer, pageQuery } from "../lists.ts";
import type { Handler, Route } from "../paths.ts";

const refuse: Handler = () => {
  throw schemaViolation({ tags: "does not support insert/upsert/update/delete operations" });
};

/** `/tags` and `/tags/{tag}`: which entities carry which tags. They are written with their entities only. */
export function tagRoutes(stores: Stores): Route[] {
  return [
    {
      path: "/tags",
      methods: {
        GET: async (call) => pageAnswer(await stores.tags(pageQuery(call)), call, "/tags", ["size"]),
        POST: refuse,
      },
    },
    {
      path: "/tags/{tags}",
      methods: {
        GET: async (call) => {
          const tag = firstParam(call);
          const page = await stores.tags({ ...pageQuery(call), tag });
          return pageAnswer(page, call, `/tags/${encodeURIComponent(tag)}`, ["size"]);
        },
        PUT: refuse,
        PATCH: refuse,
        DELETE: refuse,
      },
    },
  ];
}
