import { fieldName } from "../http1/index.ts";
import { fieldValue } from "./field-value.ts";
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
  /** Seconds for which what was known of this client stands in for the database when it fails. */
  staleSeconds = 0;

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
    const upstream = this.#upstream;
    const texts = consumer && textsOf(consumer);
    upstream.put(CONSUMER_ID, texts?.id);
    upstream.put(CUSTOM_ID, texts?.customId);
    upstream.put(USERNAME, texts?.username);
    upstream.put(CREDENTIAL, credential && credentialText(identifier ?? credential.id));
    upstream.put(ANONYMOUS, credential ? undefined : "true");
  }
}

const CONSUMER_ID = fieldName("X-Consumer-ID");
const CUSTOM_ID = fieldName("X-Consumer-Custom-ID");
const USERNAME = fieldName("X-Consumer-Username");
const CREDENTIAL = fieldName("X-Credential-Identifier");
const ANONYMOUS = fieldName("X-Anonymous-Consumer");

/** A consumer's names as values of fields. */
interface ConsumerTexts {
  readonly id: string;
  readonly customId: string | undefined;
  readonly username: string | undefined;
}

let lastCredential = "";
let lastText = "";

/** Most credentials are those of the request before, or the only one in use. */
function credentialText(id: string): string {
  if (id !== lastCredential) {
    lastText = fieldValue(id);
    lastCredential = id;
  }
  return lastText;
}

/** By the row, of which there is one object as long as nobody changes it. */
const known = new WeakMap<Consumer, ConsumerTexts>();

function textsOf(consumer: Consumer): ConsumerTexts {
  let texts = known.get(consumer);
  if (texts === undefined) {
    const { id, custom_id, username } = consumer;
    texts = {
      id: fieldValue(id),
      customId: custom_id == null ? undefined : fieldValue(custom_id),
      username: username == null ? undefined : fieldValue(username),
    };
    known.set(consumer, texts);
  }
  return texts;
}
