import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { startGateway, type TestGateway } from "./gateway.ts";

/** A gateway of which a test asks, in the end, that nothing crashed in it and that no connection was left behind. */
export interface TestProxy extends TestGateway {
  /** Make a service for this URL and a route to it; answers the path that leads there. */
  mount(url: string, members?: { readonly service?: object; readonly route?: object }): Promise<string>;
  /** What stands in its log. */
  logged(): string;
}

export async function startProxy(t: TestContext, settings: Readonly<Record<string, string>> = {}): Promise<TestProxy> {
  let started: TestGateway | undefined;
  t.after(() => started && assert.doesNotMatch(readLog(started), /a request failed|a log phase failed|unhandled/));
  const gateway = await startGateway(t, settings);
  started = gateway;
  let mounted = 0;
  return {
    ...gateway,
    logged: () => readLog(gateway),
    async mount(url, { service = {}, route = {} } = {}) {
      const path = `/m${(mounted += 1)}`;
      const made = await gateway.create("/services", { url, ...service });
      await gateway.create(`/services/${made.id}/routes`, { paths: [path], ...route });
      return path;
    },
  };
}

function readLog({ prefix }: TestGateway): string {
  return readFileSync(join(prefix, "logs/error.log"), "utf8");
}

/** The URL of an echo upstream that lives as long as the test. */
export async function echoUrl(t: TestContext, host?: string): Promise<string> {
  const echo = await startEcho(host === undefined ? {} : { host });
  t.after(() => echo.close());
  return echo.url;
}
