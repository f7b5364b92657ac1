/** What V8 writes with --cpu-prof, as far as it is used here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  /** Ids of the nodes on top of the stack, and the microseconds before each. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A function called from the one above it, with all its calls from there put together. */
export interface Frame {
  readonly name: string;
  /** Path below the project, or `node:...`; empty for what is not JavaScript. */
  readonly file: string;
  readonly line: number;
  /** Microseconds in the function itself. */
  self: number;
  /** Microseconds in it and in what it called. */
  total: number;
  readonly children: Frame[];
}

/** What the outermost functions of starting up are in: loading modules, and Node's own start. */
const START_UP = /^node:internal\/(?:modules|main|bootstrap)\//;

/** The tree of calls, without the time in which nothing ran, and without start-up. */
export function treeOf(profile: CpuProfile): Frame {
  const times = new Map<number, number>();
  for (const [index, id] of profile.samples.entries()) {
    times.set(id, (times.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));

  const build = (id: number): Frame => {
    const { callFrame, children = [] } = nodes.get(id)!;
    const name = callFrame.functionName || "(anonymous)";
    const isIdle = name === "(idle)";
    const built = children.map(build).filter(({ total }) => total > 0);
    const self = isIdle ? 0 : Math.max(0, times.get(id) ?? 0);
    return {
      name,
      file: fileOf(callFrame.url),
      line: callFrame.lineNumber + 1,
      self,
      total: built.reduce((sum, child) => sum + child.total, self),
      children: built.sort((a, b) => b.total - a.total),
    };
  };
  const root = build(profile.nodes[0]!.id);
  const children = root.children.filter(({ file }) => !START_UP.test(file));
  return { ...root, children, total: children.reduce((sum, child) => sum + child.total, root.self) };
}

function fileOf(url: string): string {
  return url.replace(/^file:\/\//, "").replace(/^.*?\/(?=(?:src|node_modules)\/)/, "");
}
