/** The fault of the path of a URL: characters of RFC 3986 only, well-formed escapes. */
export function pathFault(path: string): string | undefined {
  if (!/^\/[\w.\-~/%:@!$&'()*+,;=]*$/.test(path)) {
    return `invalid path: '${path}' (characters outside of the reserved list of RFC 3986 found)`;
  }
  return escapeFault(path);
}

function escapeFault(path: string): string | undefined {
  const bad = /%(?![0-9a-f]{2}).{0,2}/i.exec(path);
  return bad ? `invalid url-encoded value: '${bad[0]}'` : undefined;
}

/** Says what is wrong with a regular expression, naming syntax that it lacks; undefined when it can be used. */
export type RegexFault = (pattern: string) => string | undefined;

/** What a JavaScript engine says; the gateway's own engine is stricter and takes its place. */
export const regexFault: RegexFault = (pattern) => {
  try {
    new RegExp(pattern, "u");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

/** The fault of a path of a route: `/prefix`, normalised, or `~/regex`. */
export function routePathFault(path: string, fault: RegexFault): string | undefined {
  if (path.startsWith("~")) {
    const why = fault(path.slice(1));
    return why === undefined ? undefined : `invalid regex: '${path.slice(1)}' (${why})`;
  }
  // Characters outside of RFC 3986 are allowed here, broken escapes are not.
  const bad = /^\/[\w.\-~/%:@!$&'()*+,;=]*$/.test(path) ? escapeFault(path) : undefined;
  if (bad !== undefined) return bad;
  const normal = normalizePath(path);
  return path === normal ? undefined : `non-normalized path, consider use '${normal}' instead`;
}

const reserved = "!*'();:@&=+$,/?%#[]";

/**
 * The one spelling of a path: escapes of characters that are not reserved are decoded, the others in upper case, `.` and
 * `..` segments are resolved, repeated slashes are one. SPEC-entities §3; RFC 3986 §6.2.2
 */
export function normalizePath(path: string): string {
  const bytes = Buffer.from(path, "utf8").toString("latin1");
  const decoded = bytes.replace(/%([0-9a-f]{2})/gi, (triplet, hex) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return reserved.includes(char) ? triplet.toUpperCase() : char;
  });
  const output: string[] = [];
  const segments = decoded.split("/").slice(1);
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === "..") output.pop();
    if (segment === "." || segment === "..") {
      if (last) output.push("");
    } else if (segment !== "" || last) output.push(segment);
  });
  return Buffer.from(`/${output.join("/")}`, "latin1").toString("utf8");
}
