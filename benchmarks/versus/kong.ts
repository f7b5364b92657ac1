import type { Subject } from "../harness/subject.ts";

/** A Kong, or any gateway that was given the same routes by `--configure`, at `kong=URL`. It runs already, and keeps running. */
export function kongAt(url: string): Subject {
  if (!URL.canParse(url)) throw new Error(`--vs kong=URL: '${url}' is no address`);
  return { name: "Kong", url: url.replace(/\/$/, ""), pid: undefined, works: ["proxy", "bodies", "session", "login"] };
}
