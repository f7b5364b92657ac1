import type { Route } from "../paths.ts";

const text = { type: "text/plain", content: "User-agent: *\nDisallow: /" };

/** `GET /robots.txt`: nothing here is for search engines. */
export const robotsRoute: Route = { path: "/robots.txt", methods: { GET: () => ({ status: 200, text }) } };
