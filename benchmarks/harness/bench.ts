import type { Cores } from "./cores.ts";
import type { Options } from "./options.ts";
import type { Sesame, SesameOptions } from "./sesame.ts";
import type { Subject, Work } from "./subject.ts";
import type { Upstream } from "./upstream.ts";

/** What rows have to work with. */
export interface Bench {
  readonly options: Options;
  readonly cores: Cores;
  /** A temporary folder. */
  readonly folder: string;
  /** Of the package that is measured. */
  readonly launcher: string;
  readonly upstream: Upstream;
  /** Sesame with the standard configuration, one worker, started for this row. */
  readonly sesame: Sesame;
  /** nginx and the peers that `--vs` names. */
  readonly peers: readonly Subject[];
  /** Stops, at the end of the row, what the row has started. */
  readonly cleanup: AsyncDisposableStack;
  /** A Sesame of the row's own; it ends with the row. */
  startSesame(
    options: Omit<SesameOptions, "cores" | "upstream" | "prefix" | "engine" | "launcher"> & { name: string },
  ): Promise<Sesame>;
}

/** The peers that can do this. nginx recognises nobody: it is the yardstick of every row, doing nothing but proxying. */
export const peersFor = ({ peers }: Bench, work: Work): readonly Subject[] =>
  peers.filter((peer) => peer.name === "nginx" || peer.works.includes(work));
