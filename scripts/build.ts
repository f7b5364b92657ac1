import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Makes dist/, what is published, from src/: JavaScript and types by the compiler, and beside them the files that are read
// at run time as they are. Installed code cannot rely on type stripping, which Node refuses below node_modules.

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src");
const target = join(root, "dist");

rmSync(target, { recursive: true, force: true });

const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
const compiler = join(typescript, "bin", "tsc");
const { status } = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || extname(entry.name) === ".ts") continue;
  const file = join(entry.parentPath, entry.name);
  cpSync(file, join(target, file.slice(source.length)), { recursive: true });
}
