import { Literals } from "./router-literals.ts";

/** What a Host header says. */
export interface HostFacts {
  /** Without its port: `a.test:80` gives `a.test`, `[::1]:80` gives `[::1]`. Case stays. */
  readonly name: string;
  /** Undefined when it has none. */
  readonly port: number | undefined;
  /** As nginx's `$host`: the name in lower case, without a dot at the end. */
  readonly plain: string;
}

let lastText = "";
let lastFacts: HostFacts = { name: "", port: undefined, plain: "" };

/** Read a Host header. Most requests name the same host as the one before. */
export function readHost(host: string): HostFacts {
  if (host === lastText) return lastFacts;
  const colon = portColon(host);
  const name = colon < 0 ? host : host.slice(0, colon);
  const lower = name.toLowerCase();
  lastText = host;
  lastFacts = {
    name,
    port: colon < 0 ? undefined : Number(host.slice(colon + 1)),
    plain: lower.endsWith(".") ? lower.slice(0, -1) : lower,
  };
  return lastFacts;
}

const DOT = 0x2e;
const PORT = /^\d{1,5}$/;

/** Where the colon before the port stands; -1 when what follows is no port. */
function portColon(host: string): number {
  const colon = host.lastIndexOf(":");
  if (colon < 0 || !PORT.test(host.slice(colon + 1))) return -1;
  const bracketed = host.charCodeAt(0) === 0x5b;
  return (bracketed ? host.charCodeAt(colon - 1) === 0x5d : host.indexOf(":") === colon) ? colon : -1;
}

/** The values for one host pattern: with any port, and by port. */
interface ByPort<T> {
  any: T | undefined;
  ports: Map<number, T> | undefined;
}

/**
 * Values by host patterns (`a.test`, `*.a.test`, `a.*`, each with or without `:port`), and one for requests of any host.
 * Source: SPEC-proxy §1.2.
 */
export class HostTable<T> {
  readonly #create: () => T;
  readonly #exact = new Map<string, ByPort<T>>();
  /** `.a.test` of `*.a.test`. */
  readonly #suffixes = new Literals<ByPort<T>>("ends");
  /** `a.` of `a.*`. */
  readonly #prefixes = new Literals<ByPort<T>>("beginnings");
  #anyHost: T | undefined;
  readonly #matched: ByPort<T>[] = [];

  constructor(create: () => T) {
    this.#create = create;
  }

  /** The value of a pattern, made when it is new; of every host when there is no pattern. */
  value(pattern: string | undefined): T {
    if (pattern === undefined) return (this.#anyHost ??= this.#create());
    const { name, port } = readHost(pattern);
    const entry = this.#entry(name);
    if (port === undefined) return (entry.any ??= this.#create());
    entry.ports ??= new Map();
    let value = entry.ports.get(port);
    if (value === undefined) entry.ports.set(port, (value = this.#create()));
    return value;
  }

  #entry(name: string): ByPort<T> {
    const create = (): ByPort<T> => ({ any: undefined, ports: undefined });
    if (name.startsWith("*")) return this.#suffixes.value(name.slice(1), create);
    if (name.endsWith("*")) return this.#prefixes.value(name.slice(0, -1), create);
    let entry = this.#exact.get(name);
    if (!entry) this.#exact.set(name, (entry = create()));
    return entry;
  }

  /** Write the values of all patterns that fit into `found` from index 0; how many. */
  find(host: string, port: number, found: T[]): number {
    let count = 0;
    const exact = this.#exact.get(host);
    if (exact) count = take(exact, port, found, count);
    // What the star of `*.a.test` stands for is never empty, so the first character cannot be part of the suffix.
    const tail = host.charCodeAt(0) === DOT ? host.slice(1) : host;
    const suffixes = this.#suffixes.find(tail, this.#matched);
    for (let i = 0; i < suffixes; i++) count = take(this.#matched[i]!, port, found, count);
    const prefixes = this.#prefixes.find(host, this.#matched);
    for (let i = 0; i < prefixes; i++) count = take(this.#matched[i]!, port, found, count);
    if (this.#anyHost !== undefined) found[count++] = this.#anyHost;
    return count;
  }
}

function take<T>(entry: ByPort<T>, port: number, found: T[], count: number): number {
  let next = count;
  if (entry.any !== undefined) found[next++] = entry.any;
  const value = entry.ports?.get(port);
  if (value !== undefined) found[next++] = value;
  return next;
}
