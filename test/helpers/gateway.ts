import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type RunningGateway, runGateway } from "../../src/cli/gateway-process.ts";
import { loadSettings } from "../../src/settings.ts";
import { engineSettings } from "./engine-settings.ts";

/** A gateway of its own for one test: free ports, a fresh prefix, one process; it ends with the test. */
export interface TestGateway extends RunningGateway {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly proxy: string;
  /** `https://127.0.0.1:port`, HTTP/1.1 and HTTP/2, self-signed. */
  readonly secureProxy: string;
  readonly admin: string;
  readonly status: string;
  readonly prefix: string;
  /** POST an entity as JSON to the Admin API; fails the test unless it answers 201. */
  create(path: string, entity?: object): Promise<{ readonly id: string; readonly [member: string]: unknown }>;
}

/** `settings` by name, as text, as they would stand in a settings file. */
export async function startGateway(
  t: TestContext,
  settings: Readonly<Record<string, string>> = {},
): Promise<TestGateway> {
  const prefix = mkdtempSync(join(tmpdir(), "sesame-test-"));
  const overrides = {
    prefix,
    proxy_listen: "127.0.0.1:0, 127.0.0.1:0 ssl http2",
    admin_listen: "127.0.0.1:0",
    status_listen: "127.0.0.1:0",
    nginx_worker_processes: "1",
    proxy_error_log: "logs/error.log",
    shutdown_timeout: "1s",
    ...engineSettings,
    ...settings,
  };
  const gateway = await runGateway(loadSettings({ overrides }).settings);
  t.after(async () => {
    await gateway.close();
    rmSync(prefix, { recursive: true, force: true });
  });
  const admin = `http://127.0.0.1:${gateway.ports.admin[0]}`;
  return {
    ...gateway,
    proxy: `http://127.0.0.1:${gateway.ports.proxy[0]}`,
    secureProxy: `https://127.0.0.1:${gateway.ports.proxy[1]}`,
    admin,
    status: `http://127.0.0.1:${gateway.ports.status[0]}`,
    prefix,
    async create(path, entity = {}) {
      const response = await fetch(admin + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(entity),
      });
      const body = await response.text();
      assert.equal(response.status, 201, `POST ${path}: ${response.status} ${body}`);
      return JSON.parse(body);
    },
  };
}
