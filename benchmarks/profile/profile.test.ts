import assert from "node:assert/strict";
import { it } from "node:test";
import { account } from "./account.ts";
import { drawFlames } from "./flame.ts";
import { type CpuProfile, treeOf } from "./profile.ts";

const frame = (functionName: string, url = "", lineNumber = -1) => ({ functionName, url, lineNumber });

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 3, 5, 6] },
    { id: 2, callFrame: frame("(idle)") },
    { id: 3, callFrame: frame("handle<T>", "file:///home/x/sesame/src/gateway/gateway.ts", 9), children: [4] },
    { id: 4, callFrame: frame("writev") },
    { id: 5, callFrame: frame("never") },
    { id: 6, callFrame: frame("run", "node:internal/modules/esm/module_job", 549) },
  ],
  samples: [2, 3, 4, 6, 4],
  timeDeltas: [1000, 100, 150, 700, 50],
};

it("a profile becomes a tree without idle time and start-up", () => {
  const tree = treeOf(profile);
  assert.equal(tree.total, 300);
  const [handle, ...others] = tree.children;
  assert.deepEqual(others, []);
  assert.deepEqual(
    { ...handle, children: [] },
    {
      name: "handle<T>",
      file: "src/gateway/gateway.ts",
      line: 10,
      self: 100,
      total: 300,
      children: [],
    },
  );
});

it("an account names parts and functions, by time per request", () => {
  const text = account(treeOf(profile), 10);
  assert.match(text, /\| src\/gateway +\| +10\.00 \| 33\.3 % \|/);
  assert.match(text, /\| the write system call \| +20\.00 \| 66\.7 % \|/);
  assert.match(text, /`handle<T>` \(src\/gateway\/gateway\.ts:10\)/);
});

it("a flame graph is SVG with every name escaped", () => {
  const svg = drawFlames(treeOf(profile), "a & b");
  assert.match(svg, /^<svg [\s\S]*a &#38; b[\s\S]*handle&#60;T&#62;[\s\S]*<\/svg>\n$/);
  assert.equal(svg.match(/<rect/g)?.length, 4, "the background and three frames");
});
