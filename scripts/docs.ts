import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { referencePages } from "./reference.ts";

// npm run docs: write docs/reference and docs/differences.md from the schemas and tables they describe.
// npm run docs -- --check: write nothing, and fail when what is there is not what would be written.

const docs = fileURLToPath(new URL("../docs", import.meta.url));
const reference = join(docs, "reference");
const pages = new Map((await referencePages()).map(([path, text]) => [join(docs, path), text]));
const present = existsSync(reference)
  ? readdirSync(reference, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  : [];

if (process.argv.includes("--check")) {
  const stale = [...pages].filter(([path, text]) => !existsSync(path) || readFileSync(path, "utf8") !== text);
  const surplus = present.filter((path) => !pages.has(path));
  for (const path of [...stale.map(([path]) => path), ...surplus]) {
    console.error(`${relative(dirname(docs), path)} is not what npm run docs would write`);
    process.exitCode = 1;
  }
} else {
  for (const path of present) if (!pages.has(path)) rmSync(path);
  for (const [path, text] of pages) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  console.log(`wrote ${pages.size} pages`);
}
