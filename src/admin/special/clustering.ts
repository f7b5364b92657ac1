import { message } from "../answer.ts";
import type { Route } from "../paths.ts";

const text = "this endpoint is only available when Kong is configured to run as Control Plane for the cluster";
const methods = { GET: () => message(400, text) };

/** `/clustering/*`: Sesame is never a control plane. */
export const clusteringRoutes: readonly Route[] = [
  { path: "/clustering/data-planes", methods },
  { path: "/clustering/status", methods },
];
