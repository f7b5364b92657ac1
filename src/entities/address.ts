import { isIPv4, isIPv6 } from "node:net";

/** A host as entities name it: a name or an address, and a port if one was given. */
export interface Address {
  readonly type: "name" | "ipv4" | "ipv6";
  /** A name as it was written; IPv4 without leading zeros; IPv6 in full, without brackets. */
  readonly host: string;
  readonly port?: number;
}

/**
 * Read `name`, `name:port`, `1.2.3.4`, `1.2.3.4:port`, `::1`, `[::1]` or `[::1]:port`; a text is the message of the
 * fault. The type is chosen first, by colons and digits, as in Kong (tools/ip.lua), so `1.2.3` is a bad IPv4 address.
 */
export function parseAddress(text: string): Address | string {
  if (text.split(":").length > 2) return parseIPv6(text);
  return /^[\d.]+$/.test(text.replace(":", "")) ? parseIPv4(text) : parseName(text);
}

const portFault = "invalid port number";

function parseName(text: string): Address | string {
  const port = /:(\d+)$/.exec(text)?.[1];
  const name = port === undefined ? text : text.slice(0, -port.length - 1);
  if (Number(port ?? 0) > 65535) return portFault;
  const labels = name.split(".");
  const faulty = labels.some((label, index) => label.endsWith("-") || (label === "" && index < labels.length - 1));
  if (!/^[\w.-]+$/.test(name) || faulty) return `invalid hostname: ${text}`;
  return address("name", name, port);
}

function parseIPv4(text: string): Address | string {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d+))?$/.exec(text);
  const parts = match?.slice(1, 5).map(Number);
  if (!parts || parts.some((part) => part > 255)) return `invalid ipv4 address: ${text}`;
  return Number(match?.[5] ?? 0) > 65535 ? portFault : address("ipv4", parts.join("."), match?.[5]);
}

function parseIPv6(text: string): Address | string {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text);
  const host = bracketed ? bracketed[1]! : text;
  if (!isIPv6(host) || host.includes(".") || host.includes("%")) return `invalid ipv6 address: ${text}`;
  if (Number(bracketed?.[2] ?? 0) > 65535) return portFault;
  const [head = "", tail] = host.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const filler = tail === undefined ? [] : Array(8 - groups(head).length - groups(tail).length).fill("0");
  const full = [...groups(head), ...filler, ...groups(tail ?? "")].map((group: string) => group.padStart(4, "0"));
  return address("ipv6", full.join(":").toLowerCase(), bracketed?.[2]);
}

function address(type: Address["type"], host: string, port: string | undefined): Address {
  return port === undefined ? { type, host } : { type, host, port: Number(port) };
}

/** The fault of a host without port. */
export function hostFault(text: string): string | undefined {
  const parsed = parseAddress(text);
  if (parsed === portFault || (typeof parsed === "object" && parsed.port !== undefined)) return "must not have a port";
  return typeof parsed === "string" ? `invalid value: ${text}` : undefined;
}

/** The fault of a host name without port; an address is none. */
export function nameFault(text: string): string | undefined {
  const parsed = parseAddress(text);
  if (typeof parsed === "object" && parsed.type !== "name") return "must not be an IP";
  return hostFault(text);
}

/** The fault of a host name that may have one `*`, as its first or last character. */
export function wildcardNameFault(text: string): string | undefined {
  const at = text.indexOf("*");
  if (at > 0 && at < text.length - 1) return "wildcard must be leftmost or rightmost character";
  if (at !== text.lastIndexOf("*")) return "only one wildcard must be specified";
  const fault = nameFault(text.replace("*", "wildcard"));
  return fault?.startsWith("invalid value") ? `invalid value: ${text.replace("*", "wildcard")}` : fault;
}

/** The fault of a host, possibly with a port, whose wildcards stand for labels. */
export function routeHostFault(text: string): string | undefined {
  const parsed = parseAddress(text.replaceAll("*", "abc"));
  return typeof parsed === "string" ? parsed : undefined;
}

/** The fault of an address, or of a block of addresses such as `10.0.0.0/8`. */
export function networkFault(text: string): string | undefined {
  const [ip = "", prefix, rest] = text.split("/");
  const bits = isIPv4(ip) ? 32 : isIPv6(ip) ? 128 : -1;
  const right = prefix === undefined || (/^(?:0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= bits);
  return bits > 0 && right && rest === undefined ? undefined : `invalid ip or cidr range: '${text}'`;
}
