import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";

/** A setting of an operator; without one the default counts. */
export type Setting<T> = T | null | undefined;

/** What all connections to servers of sessions have. Names are those of lua-resty-session, times are in milliseconds. */
export interface ConnectionSettings {
  readonly host?: Setting<string>;
  readonly port?: Setting<number>;
  /** The path of a Unix domain socket, instead of a host and a port. */
  readonly socket?: Setting<string>;
  readonly connect_timeout?: Setting<number>;
  readonly send_timeout?: Setting<number>;
  readonly read_timeout?: Setting<number>;
  readonly ssl?: Setting<boolean>;
  /** Whether the server's certificate must be one of a known authority, for its name. */
  readonly ssl_verify?: Setting<boolean>;
  /** The name to ask for and to expect, when it is not the host. */
  readonly server_name?: Setting<string>;
}

/** What holds for the whole process. */
export interface Trust {
  /** Certificates of authorities, as PEM, instead of those that Node knows. */
  readonly ca?: string | undefined;
}

export interface Timeouts {
  readonly connectMs: number;
  /** From sending a command to its whole answer. */
  readonly answerMs: number;
}

const DEFAULT_TIMEOUT_MS = 2_000;

export function timeoutsOf({ connect_timeout, send_timeout, read_timeout }: ConnectionSettings): Timeouts {
  const connectMs = connect_timeout ?? DEFAULT_TIMEOUT_MS;
  if (send_timeout == null && read_timeout == null) return { connectMs, answerMs: DEFAULT_TIMEOUT_MS };
  return { connectMs, answerMs: Math.max(send_timeout ?? 0, read_timeout ?? 0) };
}

/** How to encrypt a connection; undefined when it is not to be. */
export function tlsOf(settings: ConnectionSettings, { ca }: Trust): ConnectionOptions | undefined {
  const { ssl, ssl_verify, server_name, host } = settings;
  if (!ssl) return undefined;
  const servername = server_name ?? (host && isIP(host) === 0 ? host : undefined);
  return {
    rejectUnauthorized: ssl_verify === true,
    ...(servername !== undefined && { servername }),
    ...(ca !== undefined && { ca }),
  };
}

/** Await some work for at most `ms`; then it is given up, and whatever comes of it goes to `late`. */
export function within<T>(ms: number, work: Promise<T>, what: string, late: (value: T) => void = ignore): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      reject(new Error(`${what} took longer than ${ms} ms`));
    }, ms);
    work.then(
      (value) => {
        clearTimeout(timer);
        if (over) late(value);
        else resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

function ignore(): void {}
