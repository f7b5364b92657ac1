import type { ServiceRequest } from "./service-request.ts";

/** A consumer as requests know it: the whole row. */
export interface Consumer {
  readonly id: string;
  readonly username: string | null;
  readonly custom_id: string | null;
}

/** A credential: at least its id; a session knows no more of it than that. */
export interface Credential {
  readonly id: string;
  readonly consumer?: { readonly id: string } | null;
}

/** Who sends this request, as far as plugins have found out. Source: SPEC-auth-plugins §0.1. */
export class Client {
  readonly #upstream: ServiceRequest;
  #consumer: Consumer | undefined;
  #credential: Credential | undefined;
  /** Groups that came with the authentication itself rather than from the consumer's acl rows; absent: none were given. */
  authenticatedGroups: readonly string[] | undefined;

  constructor(upstream: ServiceRequest) {
    this.#upstream = upstream;
  }

  /** With a credential the client is authenticated; a consumer without one is the anonymous consumer. */
  get consumer(): Consumer | undefined {
    return this.#consumer;
  }

  get credential(): Credential | undefined {
    return this.#credential;
  }

  /**
   * Replace consumer and credential, and tell the upstream in the identity headers; `identifier` is the value of
   * `X-Credential-Identifier` (the credential's id when absent). Source: SPEC-auth-plugins §0.2.
   */
  authenticate(consumer: Consumer | undefined, credential: Credential | undefined, identifier?: string): void {
    this.#consumer = consumer;
    this.#credential = credential;
    const headers = this.#upstream;
    headers.setOrClear("X-Consumer-ID", consumer?.id);
    headers.setOrClear("X-Consumer-Custom-ID", consumer?.custom_id);
    headers.setOrClear("X-Consumer-Username", consumer?.username);
    headers.setOrClear("X-Credential-Identifier", credential && (identifier ?? credential.id));
    headers.setOrClear("X-Anonymous-Consumer", credential ? undefined : "true");
  }
}
