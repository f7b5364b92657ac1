import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

// Who may import whom below src/: components, and packages from npm.

interface Rule {
  /** Components whose index.ts may be imported. */
  readonly components: readonly string[];
  /** Components of which only types may be imported. */
  readonly types?: readonly string[];
  /** Packages that may be imported; "declared" is any dependency in package.json. */
  readonly packages: readonly string[] | "declared";
}

const none: Rule = { components: [], packages: [] };
const plugin: Rule = { components: ["schema", "entities", "gateway"], packages: "declared" };
const withSession: Rule = { ...plugin, components: [...plugin.components, "session"] };
const api: Rule = { components: ["schema", "entities"], types: ["gateway"], packages: "declared" };

const rules: Readonly<Record<string, Rule>> = {
  schema: none,
  session: none,
  http1: none,
  settings: none,
  log: none,
  entities: { components: ["schema"], packages: [] },
  database: { components: ["schema", "entities"], packages: "declared" },
  gateway: { components: ["schema", "entities", "http1"], packages: ["re2js", "lru-cache"] },
  "plugins/session": withSession,
  "plugins/oidc": withSession,
  admin: api,
  portal: api,
};

// The list of bundled plugins, and cli, the only place that knows all parts.
const everything: Rule = {
  components: [
    "schema",
    "session",
    "http1",
    "entities",
    "database",
    "gateway",
    "admin",
    "portal",
    "plugins",
    "settings",
    "log",
  ],
  packages: "declared",
};

/** An import or re-export, as it stands in a file. */
interface Import {
  readonly line: number;
  readonly specifier: string;
  readonly isType: boolean;
}

/** Every import of a source text: statements, re-exports, `import()` and types by `import("...")`. */
function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
  const pattern =
    /^\s*(?:import|export)\s(?:(type)\s)?([^"'`;=()]*?\bfrom\s*)?["']([^"']+)["']|\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/gm;
  return [...code.matchAll(pattern)].map((match) => {
    const [, type, names = "", from, called] = match;
    // `import { type A, type B }` is as good as `import type`.
    const inner = /^\{([\s\S]*)\}\s*from/
      .exec(names.trim())?.[1]
      ?.split(",")
      .map((name) => name.trim())
      .filter(Boolean);
    const start = match.index + match[0].search(/\S/);
    return {
      line: code.slice(0, start).split("\n").length,
      specifier: from ?? called!,
      isType:
        type !== undefined ||
        (inner !== undefined && inner.length > 0 && inner.every((name) => name.startsWith("type "))),
    };
  });
}

/** The component of a file below src/: `gateway`, `plugins/session`, `settings` for src/settings*.ts. */
function componentOf(file: string): string {
  const [first = "", second = ""] = file.split("/");
  if (first === "plugins" && file.split("/").length > 2) return `plugins/${second}`;
  return file.includes("/") ? first : first.replace(/(?:-[\w-]+)?(?:\.test)?\.ts$/, "");
}

function ruleOf(component: string): Rule | undefined {
  if (component === "plugins" || component === "cli") return everything;
  return rules[component] ?? (component.startsWith("plugins/") ? plugin : undefined);
}

/** What is wrong with an import of a file below src/; undefined when it may be. */
function faultOf(file: string, { specifier, isType }: Import, declared: readonly string[]): string | undefined {
  const component = componentOf(file);
  const rule = ruleOf(component);
  if (rule === undefined) return `${component} is no component of the table`;
  if (!specifier.startsWith(".")) return faultOfPackage(specifier, component, rule, declared);
  if (!specifier.endsWith(".ts"))
    return specifier.endsWith(".json") && component === "cli" ? undefined : "imports end in .ts";
  const target = normalize(join(dirname(file), specifier))
    .split(sep)
    .join("/");
  if (target.startsWith("..")) return "leads out of src";
  const other = componentOf(target);
  if (other === component) return undefined;
  const isListed = component === "plugins" && other.startsWith("plugins/");
  const mayImport = rule.components.includes(other) || isListed || (isType && rule.types?.includes(other));
  if (!mayImport) return `${component} may not import ${other}${rule.types?.includes(other) ? " but for types" : ""}`;
  const door = ["settings", "log"].includes(other) ? `${other}.ts` : `${other}/index.ts`;
  return target === door ? undefined : `of ${other} only ${door} may be imported`;
}

function faultOfPackage(
  specifier: string,
  component: string,
  rule: Rule,
  declared: readonly string[],
): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  if (builtinModules.includes(specifier)) return `write node:${specifier}`;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  if (!declared.includes(name)) return `${name} is not among the dependencies in package.json`;
  const mayImport = rule.packages === "declared" || rule.packages.includes(name);
  return mayImport ? undefined : `${component} may not import the package ${name}`;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src");
const { dependencies: needed, optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const dependencies = { ...needed, ...optionalDependencies };

/** The faults of all imports of the files below src/ that are chosen, each by file and line. */
function faultsOf(isChosen: (file: string) => boolean, isChecked: (found: Import) => boolean): string[] {
  const faults: string[] = [];
  for (const path of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    const file = path.split(sep).join("/");
    if (!file.endsWith(".ts") || !isChosen(file)) continue;
    for (const found of importsOf(readFileSync(join(source, path), "utf8"))) {
      const fault = isChecked(found) ? faultOf(file, found, Object.keys(dependencies)) : undefined;
      if (fault) faults.push(`src/${file}:${found.line}: "${found.specifier}": ${fault}`);
    }
  }
  return faults;
}

test("every import below src/ is allowed by the table", () => {
  const faults = faultsOf(
    (file) => !isTest(file),
    () => true,
  );
  assert.equal(faults.join("\n"), "");
});

test("every component of the table that exists is seen to import something", () => {
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === "plugins") continue;
    const files = readdirSync(join(source, entry.name), { recursive: true, encoding: "utf8" });
    const found = files.some(
      (file) => file.endsWith(".ts") && importsOf(readFileSync(join(source, entry.name, file), "utf8")).length > 0,
    );
    assert.ok(found, entry.name);
  }
});

// They may also look inside a component, and use development packages and the helpers in test/.
test("tests below src/ import the components that their own may import", () => {
  const isHelper = /^(?:\.\.\/)+test\//;
  const faults = faultsOf(isTest, ({ specifier }) => specifier.startsWith(".") && !isHelper.test(specifier));
  assert.equal(faults.filter((fault) => !fault.endsWith(" may be imported")).join("\n"), "");
});

function isTest(file: string): boolean {
  return file.endsWith(".test.ts") || /(?:^|\/)testing(?:-[\w-]+)?\.ts$/.test(file);
}

test("imports are found wherever they stand, with their lines", () => {
  const text = `// import "no1";
import "a";
import type { B } from "b";
import {
  type C,
  d,
} from "c";
/* import "no2"; */ export { type E } from "./e.ts";
export * from "f";
export type * from "g";
const h = await import("h");
type I = typeof import("i");
const text = "from 'no3'";
export default { from: "no4" };
import j, { k } from 'j';
export const l = "no5";
import { type M, type N } from "m";
`;
  assert.deepEqual(
    importsOf(text).map(({ line, specifier, isType }) => `${line} ${specifier}${isType ? " type" : ""}`),
    ["2 a", "3 b type", "4 c", "8 ./e.ts type", "9 f", "10 g type", "11 h", "12 i", "15 j", "17 m type"],
  );
});

test("the table refuses what it should", () => {
  const rows: [file: string, specifier: string, isType: boolean, fault: string | undefined][] = [
    ["session/open.ts", "./header.ts", false, undefined],
    ["session/storages/file.ts", "../storage.ts", false, undefined],
    ["session/open.ts", "node:crypto", false, undefined],
    ["session/open.ts", "crypto", false, "write node:crypto"],
    ["session/open.ts", "lru-cache", false, "session may not import the package lru-cache"],
    ["session/open.ts", "../schema/index.ts", true, "session may not import schema"],
    ["gateway/router.ts", "re2js", false, undefined],
    ["gateway/router.ts", "@fastify/busboy", false, "gateway may not import the package @fastify/busboy"],
    ["gateway/router.ts", "../database/index.ts", true, "gateway may not import database"],
    ["gateway/router.ts", "../entities/index.ts", false, undefined],
    ["gateway/router.ts", "../entities/route.ts", true, "of entities only entities/index.ts may be imported"],
    ["gateway/router.ts", "../log.ts", true, "gateway may not import log"],
    ["gateway/router.ts", "./regex", false, "imports end in .ts"],
    ["admin/form.ts", "@fastify/busboy", false, undefined],
    ["admin/form.ts", "express", false, "express is not among the dependencies in package.json"],
    ["admin/routes.ts", "../gateway/index.ts", true, undefined],
    ["admin/routes.ts", "../gateway/index.ts", false, "admin may not import gateway but for types"],
    ["plugins/acl/index.ts", "../../gateway/index.ts", false, undefined],
    ["plugins/acl/index.ts", "../key-auth/index.ts", false, "plugins/acl may not import plugins/key-auth"],
    ["plugins/acl/index.ts", "../../session/index.ts", true, "plugins/acl may not import session"],
    ["plugins/session/index.ts", "../../session/index.ts", false, undefined],
    ["plugins/session/index.ts", "../../session/open.ts", false, "of session only session/index.ts may be imported"],
    ["plugins/index.ts", "./acl/index.ts", false, undefined],
    ["plugins/index.ts", "./acl/groups.ts", false, "of plugins/acl only plugins/acl/index.ts may be imported"],
    ["cli/start.ts", "../settings.ts", false, undefined],
    ["cli/start.ts", "../settings-table.ts", false, "of settings only settings.ts may be imported"],
    ["cli/start.ts", "../plugins/acl/index.ts", false, "cli may not import plugins/acl"],
    ["cli/start.ts", "../../test/helpers.ts", false, "leads out of src"],
    ["settings-file.ts", "./settings-table.ts", false, undefined],
    ["settings.ts", "./log.ts", false, "settings may not import log"],
    ["misc/a.ts", "node:fs", false, "misc is no component of the table"],
  ];
  for (const [file, specifier, isType, fault] of rows) {
    assert.equal(
      faultOf(file, { line: 1, specifier, isType }, Object.keys(dependencies)),
      fault,
      `${file} ${specifier}`,
    );
  }
});
