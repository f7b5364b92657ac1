/** What can be asked of a gateway: to proxy, to proxy large bodies, to recognise a session, to make one. */
export type Work = "proxy" | "bodies" | "session" | "login";

/** A gateway that runs and is measured. */
export interface Subject {
  readonly name: string;
  /** `http://host:port`; the paths are those of `configuration.ts`. */
  readonly url: string;
  /** Its process, whose descendants count too; undefined when it runs where they cannot be seen. */
  readonly pid: number | undefined;
  readonly works: readonly Work[];
}
