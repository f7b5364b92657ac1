import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { listenFault } from "./process.ts";

/** Run a program in a process of its own, on modules of this folder. */
function run(script: string) {
  const modules = {
    process: new URL("./process.ts", import.meta.url).href,
    log: new URL("../log.ts", import.meta.url).href,
  };
  const imports = `import { endOnFault, untilStopped } from ${JSON.stringify(modules.process)};
    import { createLogger } from ${JSON.stringify(modules.log)};
    const log = createLogger({ level: "notice", to: "/dev/stdout" });`;
  const args = ["--input-type=module-typescript", "-e", imports + script];
  return spawnSync(process.execPath, args, { encoding: "utf8", timeout: 10_000 });
}

test("a fault of the program is logged with its place, and ends the process with code 1", () => {
  for (const fault of ["throw new TypeError('no')", "Promise.reject(new TypeError('no'))"]) {
    const { status, stdout } = run(`endOnFault(log); setTimeout(() => { ${fault} }); setInterval(() => {}, 1000);`);
    assert.equal(status, 1, fault);
    assert.match(stdout, /level=crit .*error=no stack="TypeError: no\\n +at /);
  }
});

test("the first signal is told, one that follows at once is the same, a later one ends the process", () => {
  const { status, stdout } = run(`
    const stopped = untilStopped();
    const send = (signal, ms) => setTimeout(() => process.kill(process.pid, signal), ms);
    send("SIGQUIT", 0); send("SIGTERM", 50); send("SIGINT", 500);
    console.log(await stopped);
    setInterval(() => {}, 1000);`);
  assert.equal(stdout, "SIGQUIT\n");
  assert.equal(status, 130);
});

test("a process that has nothing left to do ends, though it listens for signals", () => {
  assert.equal(run("untilStopped();").status, 0);
});

test("an address that cannot be had is named with the reason", () => {
  const rows: [code: string, message: string][] = [
    ["EADDRINUSE", "127.0.0.1:80 is in use by another process"],
    ["EACCES", "127.0.0.1:80 may not be listened on by this user"],
    ["EADDRNOTAVAIL", "127.0.0.1:80 is no address of this machine"],
    ["ENOTFOUND", "127.0.0.1:80 is no address of this machine"],
    ["EOTHER", "127.0.0.1:80 cannot be listened on: why"],
  ];
  for (const [code, message] of rows) {
    assert.equal(listenFault(Object.assign(new Error("why"), { code }), "127.0.0.1:80").message, message);
  }
});
