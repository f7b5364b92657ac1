import { spawnSync } from "node:child_process";
import { cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Build the package and put it together in this folder, as it is when installed; answers its launcher. A checkout's TypeScript is not what
 * users run: Node strips the types in WebAssembly whose memory grows, and once any memory has moved, V8 looks at every array
 * of bytes whether it is still there.
 */
export function installPackage(folder: string): string {
  const { status } = spawnSync(process.execPath, [join(root, "scripts", "build.ts")], { stdio: "inherit" });
  if (status !== 0) throw new Error("the package cannot be built");
  for (const name of ["bin", "dist", "package.json"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return join(folder, "bin", "sesame");
}
