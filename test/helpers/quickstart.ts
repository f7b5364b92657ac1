import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The environment of this test without what steers Sesame, Node's test runner or colours. */
export const cleanEnv: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(?:SESAME_|KONG_|NODE_TEST|NODE_OPTIONS|NO_COLOR|FORCE_COLOR)/.test(name),
  ),
);

/** A folder that goes with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sesame-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface QuickstartOptions {
  readonly prefix: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Start `sesame quickstart` on free ports; it is killed with the test if it still runs then. */
export function spawnQuickstart(t: TestContext, { prefix, args = [], env }: QuickstartOptions): ChildProcess {
  const settings = {
    SESAME_PREFIX: prefix,
    SESAME_PROXY_LISTEN: "127.0.0.1:0",
    SESAME_ADMIN_LISTEN: "127.0.0.1:0",
    SESAME_STATUS_LISTEN: "off",
    ...env,
  };
  const child = spawn(process.execPath, [join(root, "bin", "sesame"), "quickstart", ...args], {
    env: { ...cleanEnv, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

/** A quickstart that fails: its exit code, and what it wrote. */
export async function failingQuickstart(
  t: TestContext,
  options: QuickstartOptions,
): Promise<{ code: number; output: string; errors: string }> {
  const child = spawnQuickstart(t, options);
  const [output, errors, [code]] = await Promise.all([
    textOf(child.stdout!),
    textOf(child.stderr!),
    once(child, "close"),
  ]);
  return { code, output, errors };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const piece of stream.setEncoding("utf8")) text += piece;
  return text;
}

/** Words of the last line that is written before the quickstart waits for a signal. */
const READY = "Ctrl+C stops it";

export interface Quickstart {
  /** What it wrote until it was ready. */
  readonly output: string;
  /** `http://localhost:port`, without a slash at the end. */
  readonly proxy: string;
  readonly admin: string;
  /** Ends with the signal; answers the exit code and signal. */
  stop(signal?: NodeJS.Signals): Promise<unknown[]>;
}

/** A quickstart that has done its walkthrough. Fails the test when it ends before. */
export async function startQuickstart(t: TestContext, options: QuickstartOptions): Promise<Quickstart> {
  const child = spawnQuickstart(t, options);
  let output = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  for await (const text of child.stdout!.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    output += text;
    if (output.includes(READY)) break;
  }
  assert.ok(output.includes(READY), output);
  child.stdout!.resume();
  const place = (name: string) => new RegExp(`^ +${name} +(http://localhost:\\d+)$`, "m").exec(output)?.[1] ?? "";
  return {
    output,
    proxy: place("proxy"),
    admin: place("Admin API"),
    stop(signal = "SIGTERM") {
      const ended = once(child, "exit");
      child.kill(signal);
      return ended;
    },
  };
}
