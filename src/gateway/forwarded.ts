import { BlockList, isIP } from "node:net";
import { LRUCache } from "lru-cache";
import { fields, type Headers } from "../http1/index.ts";
import type { Inbound } from "./inbound.ts";
import { escapePath } from "./path.ts";
import { readHost } from "./router-hosts.ts";

/** Which peers are believed, and where they name the client; the names are those of the settings. */
export interface TrustSettings {
  /** Addresses and networks, IPv4 and IPv6. `unix:` means sockets that we do not have, and is passed over. */
  readonly trusted_ips: readonly string[];
  /** The header in which a trusted peer names the client's address, alone or as the last of a list. */
  readonly real_ip_header: string;
  /** Go back in the list as long as the addresses are trusted ones. */
  readonly real_ip_recursive: boolean;
}

export interface TrustedPeers {
  /** What is known of peers that are not trusted: kept by `addressOf` for itself. */
  readonly known: LRUCache<string, Forwarded>;
  trusts(address: string): boolean;
  /** The client's address: the peer's own, unless it is trusted and names another. */
  clientAddress(peer: string, headers: Headers): string;
}

/** Compile the settings. Throws at what is no network, and at the PROXY protocol. Source: SPEC-proxy §4. */
export function createTrustedPeers(settings: TrustSettings): TrustedPeers {
  const header = settings.real_ip_header.toLowerCase();
  if (header === "proxy_protocol") throw new Error("real_ip_header: proxy_protocol is not supported; name a header");
  const networks = settings.trusted_ips.filter((network) => network !== "unix:");
  const exact = new Set(networks);
  const list = createBlockList(networks);

  const trusts = (address: string): boolean => {
    if (networks.length === 0) return false;
    if (exact.has(address)) return true;
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? "ipv4" : "ipv6");
  };

  return {
    known: new LRUCache({ max: MOST_KNOWN }),
    trusts,
    clientAddress(peer, headers) {
      if (!trusts(peer)) return peer;
      const text = headers.getAll(header).join(",");
      let address = peer;
      for (let end = text.length; end > 0; ) {
        const last = lastItem(text, end);
        const named = parseAddress(last.text);
        if (named === undefined) break;
        address = named;
        if (!settings.real_ip_recursive || !trusts(address)) break;
        end = last.start;
      }
      return address;
    },
  };
}

function createBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits, ...rest] = network.split("/");
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (family === 0 || !(prefix <= most) || rest.length > 0) {
      throw new Error(
        `trusted_ips: '${network}' is neither an IP address nor a network such as 10.0.0.0/8 or fd00::/8`,
      );
    }
    list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** The last item before `end` in a list separated by commas or blanks, and where it starts. As nginx's realip module. */
function lastItem(text: string, end: number): { text: string; start: number } {
  let stop = end;
  while (stop > 0 && isSeparator(text.charCodeAt(stop - 1))) stop--;
  let start = stop;
  while (start > 0 && !isSeparator(text.charCodeAt(start - 1))) start--;
  return { text: text.slice(start, stop), start };
}

function isSeparator(code: number): boolean {
  return code === 0x2c || code === 0x20;
}

const WITH_PORT = /^(?:\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/;

/** The address in `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`; undefined for anything else. */
function parseAddress(text: string): string | undefined {
  const parts = WITH_PORT.exec(text);
  const address = parts ? (parts[1] ?? parts[2]!) : text;
  return isIP(address) !== 0 && !address.includes("%") ? address : undefined;
}

/** How the client came to us, as the connection tells it or a trusted peer does. */
export interface Forwarded {
  /** The Host field as received; empty without one. */
  readonly hostField: string;
  /** Whether the peer is in `trusted_ips`. */
  readonly trusted: boolean;
  /** The client's address, for logs, plugins and `X-Real-IP`. */
  readonly clientAddress: string;
  /** The forwarded protocol, `https` or `http` (or what a trusted peer wrote). */
  readonly scheme: string;
  /** The host asked for, in lower case and without port; empty when the client named none. */
  readonly host: string;
  /** The port the client connected to, in decimal. */
  readonly port: string;
  /**
   * Add the fields that tell the upstream, in wire order. `received` is what the request has, `path` its path as received, without
   * query; `prefix` is what the route strips. A trusted peer's values stay; those of others are replaced, but for
   * `X-Forwarded-For`, which is added to.
   */
  addTo(headers: Headers, received: Headers, path: string, prefix: string | undefined): void;
  /** What heads to upstreams have in common: kept by `upstreamLead` for itself. */
  upstreamLines: CommonLines | undefined;
}

/**
 * The lines that requests to one upstream's host, of clients that speak the same version of HTTP, have in common: before their path,
 * and behind it and the prefix.
 */
export interface CommonLines {
  readonly upstreamHost: string;
  readonly via: string;
  readonly start: string;
  readonly rest: string;
  /** For another upstream, or version. */
  readonly next: CommonLines | undefined;
}

/**
 * Source: SPEC-proxy §2, §4. What it tells of a peer that is not trusted is kept with the connection, for requests to the same host,
 * and is one object for all connections of the peer.
 */
export function addressOf(inbound: Pick<Inbound, "connection" | "headers">, peers: TrustedPeers): Forwarded {
  const { connection, headers } = inbound;
  const hostField = headers.find(fields.host) ?? "";
  const last = connection.forwarded;
  if (last?.hostField === hostField) return last;
  const peer = connection.remoteAddress;
  const scheme = connection.tls ? "https" : "http";
  const host = readHost(hostField).plain;
  const port = String(connection.localPort);
  if (peers.trusts(peer)) {
    return new ForwardedFacts(peer, true, {
      hostField,
      clientAddress: peers.clientAddress(peer, headers),
      scheme: headers.get("x-forwarded-proto") ?? scheme,
      host: headers.get("x-forwarded-host") ?? host,
      port: headers.get("x-forwarded-port") ?? port,
    });
  }
  const key = `${peer} ${port} ${scheme} ${hostField}`;
  let facts = peers.known.get(key);
  if (!facts) {
    facts = new ForwardedFacts(peer, false, { hostField, clientAddress: peer, scheme, host, port });
    if (key.length <= LONGEST_KNOWN) peers.known.set(key, facts);
  }
  connection.forwarded = facts;
  return facts;
}

/** As many peers with their hosts are kept, if what a client has named is no longer than that. */
const MOST_KNOWN = 1000;
const LONGEST_KNOWN = 256;

class ForwardedFacts implements Forwarded {
  readonly hostField: string;
  readonly trusted: boolean;
  readonly clientAddress: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
  upstreamLines: CommonLines | undefined = undefined;
  readonly #peer: string;

  constructor(
    peer: string,
    trusted: boolean,
    facts: Pick<Forwarded, "hostField" | "clientAddress" | "scheme" | "host" | "port">,
  ) {
    this.#peer = peer;
    this.trusted = trusted;
    this.hostField = facts.hostField;
    this.clientAddress = facts.clientAddress;
    this.scheme = facts.scheme;
    this.host = facts.host;
    this.port = facts.port;
  }

  addTo(headers: Headers, received: Headers, path: string, prefix: string | undefined): void {
    const theirPath = this.trusted ? received.get("x-forwarded-path") : undefined;
    const theirPrefix = this.trusted ? received.get("x-forwarded-prefix") : undefined;
    headers.add(fields["x-forwarded-for"], this.#chain(received));
    headers.add(fields["x-forwarded-proto"], this.scheme);
    if (this.host !== "") headers.add(fields["x-forwarded-host"], this.host);
    headers.add(fields["x-forwarded-port"], this.port);
    headers.add(fields["x-forwarded-path"], theirPath ?? path);
    // What a regex matched is decoded text: as it is, a line break in it would begin another header.
    const ours = prefix === undefined || prefix === "" || prefix === "/" ? undefined : escapePath(prefix);
    if (theirPrefix ?? ours) headers.add(fields["x-forwarded-prefix"], (theirPrefix ?? ours)!);
    headers.add(fields["x-real-ip"], this.clientAddress);
  }

  /** The addresses so far, trusted or not, and the peer's. */
  #chain(received: Headers): string {
    if (!received.mayHave(fields["x-forwarded-for"].bit)) return this.clientAddress;
    const before = received.getAll("x-forwarded-for");
    return before.length === 0 ? this.clientAddress : `${before.join(", ")}, ${this.#peer}`;
  }
}
