import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openWorld } from "../../../test/helpers/plugins.ts";
import { createLogoutTest, type LogoutConfig } from "./logout.ts";

const DEFAULTS: LogoutConfig = {
  logout_methods: ["POST", "DELETE"],
  logout_query_arg: "session_logout",
  logout_post_arg: "session_logout",
  read_body_for_logout: false,
};

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";
const reading = { read_body_for_logout: true };

interface Row {
  readonly id: string;
  readonly method: string;
  readonly target?: string;
  readonly body?: readonly [type: string, text: string];
  readonly config?: Partial<LogoutConfig>;
  readonly logout: "query" | "body" | undefined;
}

const QUERY = "/t?session_logout=1";
const body = [FORM, "session_logout=1"] as const;
const multipart = [
  "multipart/form-data; boundary=B",
  '--B\r\nContent-Disposition: form-data; name="session_logout"\r\n\r\n\r\n--B--',
] as const;

/** Cases L1 to L22 of SPEC-kong-session-plugin §7, then our own. */
const table: readonly Row[] = [
  { id: "L1", method: "GET", target: QUERY, config: { logout_methods: ["GET", "POST"] }, logout: "query" },
  { id: "L2", method: "POST", body, config: { logout_methods: ["POST"], ...reading }, logout: "body" },
  {
    id: "L3",
    method: "POST",
    body,
    config: { logout_methods: ["POST"], read_body_for_logout: null },
    logout: undefined,
  },
  { id: "L4", method: "POST", body, config: { logout_methods: ["POST"] }, logout: undefined },
  { id: "L5", method: "DELETE", body, config: { logout_methods: ["DELETE"], ...reading }, logout: "body" },
  {
    id: "L6",
    method: "DELETE",
    body,
    config: { logout_methods: ["DELETE"], read_body_for_logout: null },
    logout: undefined,
  },
  { id: "L7", method: "DELETE", body, config: { logout_methods: ["DELETE"] }, logout: undefined },
  { id: "L8", method: "DELETE", target: QUERY, config: { logout_methods: ["DELETE"] }, logout: "query" },
  { id: "L9", method: "GET", target: QUERY, config: { logout_methods: ["DELETE"] }, logout: undefined },
  { id: "L10", method: "POST", body, config: { logout_methods: ["DELETE"], ...reading }, logout: undefined },
  { id: "L11", method: "POST", target: "/t?session_logout", logout: "query" },
  { id: "L12", method: "POST", target: "/t?session_logout=", logout: "query" },
  { id: "L13", method: "POST", target: "/t?session_logout=false", logout: "query" },
  { id: "L14", method: "POST", target: "/t?bye=1", config: { logout_query_arg: "bye" }, logout: "query" },
  { id: "L15", method: "POST", target: QUERY, config: { logout_query_arg: "bye" }, logout: undefined },
  { id: "L16", method: "POST", body: [JSON_TYPE, '{"session_logout":true}'], config: reading, logout: "body" },
  { id: "L17", method: "POST", body: [JSON_TYPE, '{"session_logout":false}'], config: reading, logout: undefined },
  { id: "L18", method: "POST", body: [JSON_TYPE, '{"session_logout":null}'], config: reading, logout: "body" },
  { id: "L19", method: "POST", body: [JSON_TYPE, "not json"], config: reading, logout: undefined },
  { id: "L20", method: "POST", body: ["text/plain", "session_logout=1"], config: reading, logout: undefined },
  { id: "L21", method: "POST", target: QUERY, config: { logout_methods: null }, logout: undefined },
  { id: "L22", method: "PUT", body, config: reading, logout: undefined },
  { id: "a body without a value", method: "POST", body: [FORM, "session_logout"], config: reading, logout: "body" },
  { id: "multipart", method: "POST", body: multipart, config: reading, logout: "body" },
  {
    id: "no query argument configured",
    method: "POST",
    target: QUERY,
    config: { logout_query_arg: null },
    logout: undefined,
  },
  {
    id: "no body argument configured",
    method: "POST",
    body,
    config: { ...reading, logout_post_arg: null },
    logout: undefined,
  },
  { id: "no body sent", method: "POST", config: reading, logout: undefined },
  { id: "GET has no body", method: "GET", body, config: { ...reading, logout_methods: ["GET"] }, logout: undefined },
];

describe("whether a request is a logout", async () => {
  for (const { id, method, target = "/t", body, config, logout } of table) {
    it(`${id}: ${logout ? `yes, by its ${logout}` : "no"}`, async (t) => {
      const world = await openWorld(t, []);
      const { ctx, inbound } = await world.begin({
        method,
        target,
        ...(body && { headers: ["Content-Type", body[0]], body: body[1] }),
      });
      const test = createLogoutTest({ ...DEFAULTS, ...config });
      assert.equal(await test(ctx), logout);
      if (logout !== "body" && !config?.read_body_for_logout) assert.equal(inbound.wasRead, false);
    });
  }
});
