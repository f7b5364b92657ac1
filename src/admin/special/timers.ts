import { json } from "../answer.ts";
import type { Route } from "../paths.ts";
import { countTimers } from "./information.ts";

/** `GET /timers`: how many timers wait. They have no names and no statistics, so those members of Kong's are empty. */
export const timersRoute: Route = {
  path: "/timers",
  methods: {
    GET: () => {
      const pending = countTimers();
      return json(200, {
        worker: { id: 0, count: 1 },
        stats: {
          flamegraph: { running: "", pending: "", elapsed_time: "" },
          timers: {},
          sys: { running: 0, pending, waiting: pending, total: pending, runs: 0 },
        },
      });
    },
  },
};
