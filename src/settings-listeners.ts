import { isIP } from "node:net";

/** An address a server listens on, with its flags as in Kong's `proxy_listen`. */
export interface Listener {
  /** The listener as text, in one spelling: `0.0.0.0:8443 ssl http2`. */
  readonly listener: string;
  /** An address or a host name; IPv6 without brackets. */
  readonly ip: string;
  /** 0 is any free port. */
  readonly port: number;
  readonly ssl: boolean;
  readonly http2: boolean;
  /** Length of the queue of connections not yet accepted; absent for the default of Node.js. */
  readonly backlog?: number;
}

// Flags of Kong that change nothing here: they tune sockets in ways that Node.js decides itself.
const WITHOUT_EFFECT = /^(?:deferred|bind|reuseport|ipv6only=(?:on|off)|so_keepalive=(?:on|off|\w*:\w*:\d*))$/;
const USAGE = "expected address:port [ssl] [http2] [backlog=N] separated by commas, or off";

/**
 * Parse listeners in Kong's syntax; `off` gives none. Throws an Error that names the entry's fault. HTTP/2 is served
 * over TLS only, so `http2` asks for `ssl`.
 */
export function parseListeners(text: string): readonly Listener[] {
  if (text.trim() === "off") return Object.freeze([]);
  return Object.freeze(text.split(",").map((entry) => Object.freeze(parseListener(entry.trim()))));
}

/** Whether a listener can be reached from this machine only. */
export function isLoopback(listener: Listener): boolean {
  return (
    listener.ip === "localhost" || listener.ip === "::1" || (isIP(listener.ip) === 4 && listener.ip.startsWith("127."))
  );
}

function parseListener(entry: string): Listener {
  const [address = "", ...flags] = entry.split(/\s+/);
  const { ip, port } = parseAddress(address);
  let backlog: number | undefined;
  for (const flag of flags) {
    if (flag === "ssl" || flag === "http2" || WITHOUT_EFFECT.test(flag)) continue;
    if (flag === "proxy_protocol") throw new Error(`${address}: the PROXY protocol is not available; ${USAGE}`);
    const [, number] = /^backlog=(\d{1,9})$/.exec(flag) ?? [];
    if (number === undefined) throw new Error(`unknown flag "${flag}" of ${address}; ${USAGE}`);
    backlog = Number(number);
  }
  const ssl = flags.includes("ssl");
  const http2 = flags.includes("http2");
  if (http2 && !ssl) throw new Error(`${address} has the flag http2 without ssl; HTTP/2 is served over TLS only`);
  const host = ip.includes(":") ? `[${ip}]` : ip;
  const listener = `${host}:${port}${ssl ? " ssl" : ""}${http2 ? " http2" : ""}${backlog === undefined ? "" : ` backlog=${backlog}`}`;
  return { listener, ip, port, ssl, http2, ...(backlog === undefined ? {} : { backlog }) };
}

function parseAddress(address: string): { ip: string; port: number } {
  const [, v6, name, digits = ""] = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  const isHost = v6 === undefined ? name !== undefined && isHostName(name) : isIP(v6) === 6;
  if (!isHost || port > 65535) throw new Error(`"${address}" is no address with a port; ${USAGE}`);
  return { ip: v6 ?? name!, port };
}

/** An IPv4 address or a name whose last label is not all digits (which would be a mistyped address). */
function isHostName(name: string): boolean {
  if (isIP(name) === 4) return true;
  return /^(?!-)[A-Za-z0-9-]+(?:\.(?!-)[A-Za-z0-9-]+)*$/.test(name) && !/(?:^|\.)\d+$/.test(name);
}
