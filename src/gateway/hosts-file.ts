import { readFileSync } from "node:fs";
import { isIP } from "node:net";

/** Addresses by name in lower case: those of IPv4 where a name has any, else those of IPv6, in the file's order. */
export type Hosts = ReadonlyMap<string, readonly string[]>;

/** Parse a hosts file: lines of an address, then its names; `#` begins a comment. What is no such line is passed over. */
export function parseHosts(text: string): Hosts {
  const found = new Map<string, { 4: string[]; 6: string[] }>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/s, "").trim().split(/\s+/);
    const family = isIP(address);
    if (family !== 4 && family !== 6) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const entry = found.get(key) ?? { 4: [], 6: [] };
      if (!entry[family].includes(address)) entry[family].push(address);
      found.set(key, entry);
    }
  }
  return new Map(Array.from(found, ([name, entry]) => [name, entry[4].length > 0 ? entry[4] : entry[6]]));
}

/** The hosts file at this path; one that cannot be read has no names. */
export function readHosts(path: string): Hosts {
  try {
    return parseHosts(readFileSync(path, "utf8"));
  } catch {
    return new Map();
  }
}
