import type { RequestHead } from "../http1/index.ts";
import type { EngineLimits } from "./engine.ts";

/** The status for a head that another parser than ours has read and that is larger than our limits; undefined when it fits. */
export function limitFault(
  { method, target, headers }: Omit<RequestHead, "version">,
  limits: EngineLimits,
): number | undefined {
  const { list } = headers;
  let size = method.length + target.length + REQUEST_LINE_REST;
  if (size > limits.line) return 414;
  for (let i = 0; i < list.length; i += 2) {
    const line = list[i]!.length + list[i + 1]!.length + 2;
    if (line > limits.line) return 494;
    size += line + 2;
  }
  if (size > limits.head) return 494;
  return list.length / 2 > limits.fields ? 431 : undefined;
}

/** Two blanks, the version, the line end and the empty line. */
const REQUEST_LINE_REST = 14;

/** 400 for a target with a fragment, as `parseRequestHead` has it. */
export function targetFault({ target }: Pick<RequestHead, "target">): number | undefined {
  return target.includes("#") ? 400 : undefined;
}

const HOST = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]*$/;

/** 400 unless there is exactly one valid Host (none is needed in HTTP/1.0), as `parseRequestHead` has it. */
export function hostFault({
  version,
  headers,
}: Pick<RequestHead, "headers"> & { readonly version: string }): number | undefined {
  const hosts = headers.getAll("host");
  if (hosts.length === 0) return version === "1.0" ? undefined : 400;
  return hosts.length === 1 && HOST.test(hosts[0]!) ? undefined : 400;
}
