import { type FieldName, fieldGroup, fieldName, Headers, Lines, maskOf } from "../http1/index.ts";
import { fieldValue } from "./field-value.ts";
import { connectionOptions } from "./hop-by-hop.ts";
import { withoutArgument } from "./query.ts";

/** Fields that the proxy writes itself, or that belong to the client's connection only. Source: SPEC-proxy §4. */
const OWN = maskOf(
  "host",
  "connection",
  "te",
  "transfer-encoding",
  "content-length",
  "expect",
  "via",
  "upgrade",
  "keep-alive",
  "proxy",
  "proxy-connection",
  "http2-settings",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-path",
  "x-forwarded-prefix",
  "x-real-ip",
  "x-kong-request-id",
);

/**
 * Fields by which the gateway tells the upstream who the visitor is. A client's own are removed on every route, whether or
 * not a plugin sets them; Kong lets them pass where none does. A trusted peer may send them.
 */
const IDENTITY = fieldGroup(
  "x-consumer-id",
  "x-consumer-custom-id",
  "x-consumer-username",
  "x-credential-identifier",
  "x-anonymous-consumer",
  "x-authenticated-groups",
  "x-consumer-groups",
  "session-id",
  "session-audience",
  "session-subject",
  "session-timeout",
  "session-idling-timeout",
  "session-rolling-timeout",
  "session-absolute-timeout",
);

/** Whether a field of the client's goes on to the upstream, be it in the head or among the trailers. */
function passesOn({ bit }: FieldName, trusted: boolean): boolean {
  return (bit & (trusted ? OWN : OWN | IDENTITY)) === 0;
}

/** Take over those of the fields that go on and that `named` does not keep back. */
function passOn(
  kept: Headers | Lines,
  received: Headers,
  trusted: boolean,
  named: ReadonlySet<string> | undefined,
): void {
  for (let i = 0; i < received.size; i++) {
    const name = received.nameAt(i);
    if (passesOn(name, trusted) && !named?.has(name.lower)) kept.addFrom(received, i);
  }
}

/** The trailers that go on to the upstream: what may not stand in the head may not come behind the body either. */
export function upstreamTrailers(received: Headers, trusted: boolean): Headers | undefined {
  const kept = new Headers();
  passOn(kept, received, trusted, undefined);
  return kept.size > 0 ? kept : undefined;
}

/** What will be asked of the upstream; plugins may change it in the access phase. */
export class ServiceRequest {
  /** The query string as it will be sent, without `?`; undefined when the target has no `?`. */
  rawQuery: string | undefined;
  readonly #received: Headers;
  readonly #trusted: boolean;
  #headers: Headers | undefined;

  constructor(received: Headers, rawQuery: string | undefined, trusted: boolean) {
    this.rawQuery = rawQuery;
    this.#received = received;
    this.#trusted = trusted;
  }

  /** The client's fields that are passed on, then those of plugins; a field that both set stands at the client's place. */
  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = new Headers();
      passOn(this.#headers, this.#received, this.#trusted, connectionOptions(this.#received));
    }
    return this.#headers;
  }

  /** Whether nobody has asked for the fields. */
  get isBare(): boolean {
    return this.#headers === undefined;
  }

  /** The fields as lines behind those of `start`; only while it is bare. */
  linesBehind(start: string): string {
    const lines = new Lines(start);
    passOn(lines, this.#received, this.#trusted, connectionOptions(this.#received));
    return lines.text;
  }

  setHeader(name: string, value: string): void {
    this.headers.put(fieldName(name), fieldValue(value));
  }

  clearHeader(name: string): void {
    this.headers.remove(fieldName(name));
  }

  /** Take an argument out of the query, each time it is there; its name as it is once decoded. */
  clearQueryArg(name: string): void {
    if (this.rawQuery !== undefined) this.rawQuery = withoutArgument(this.rawQuery, name) || undefined;
  }

  /** Set the field, or remove it where there is no value. */
  setOrClear(name: string, value: string | null | undefined): void {
    if (value == null) this.clearHeader(name);
    else this.setHeader(name, value);
  }

  /** The same with the record of a name, and a value that may stand in a field. */
  put(name: FieldName, value: string | undefined): void {
    if (value === undefined) this.headers.remove(name);
    else this.headers.put(name, value);
  }
}
