import { LRUCache } from "lru-cache";
import { type Consumer, consumer as consumerEntity } from "../../entities/index.ts";
import type { Lookups, Remembered } from "../../gateway/index.ts";
import { andThen, isUuid } from "../../schema/index.ts";
import { type Awaitable, attempt, type Session } from "../../session/index.ts";
import type { Config } from "./config.ts";
import { type Credentials, createCredentials } from "./credentials.ts";
import { lineageOf, loginOf, type Origin, originOf } from "./lineage.ts";
import type { Recognised } from "./memory.ts";
import type { Owner } from "./owner.ts";
import type { Refusal } from "./refusals.ts";
import { type Accused, cutOffsOf, type DenyList } from "./revocations.ts";
import { subjectOf } from "./subject.ts";

/** Seconds that `stale` uses what was known, unless the row says otherwise. */
const STALE_SECONDS = 60;

/** Seconds that what was known stands in for what fails to answer; undefined where it never does. */
export const staleSecondsOf = ({ on_storage_error, stale_seconds }: Config): number | undefined =>
  on_storage_error === "stale" ? (stale_seconds ?? STALE_SECONDS) : undefined;

/** Judgements that `stale` can fall back on. */
const MOST_KNOWN = 10_000;

/**
 * Says whether a session that opened still counts: it is not revoked, its consumer is there, and its credential is what it
 * was at login.
 */
export interface Authority {
  readonly credentials: Credentials;
  /** With the texts of a standing, which all sessions of one consumer share, where it says the same. */
  accusedOf(owner: Owner, session: Session, standing?: Standing): Accused;
  /** The consumer, or why the session does not count. Throws what the database throws, unless `stale` helps. */
  judge(owner: Owner, accused: Accused, now: number): Awaitable<Consumer | Refusal>;
  /** What it rests on that a session counts; undefined where memory does not have it. */
  watch(owner: Owner): Standing | undefined;
  /** The consumer of a visitor who was recognised, if memory alone can say that nothing has changed. */
  recall(visitor: Recognised, now: number): Consumer | undefined;
}

/** What can be said against a session, found out when it is asked for: as long as nothing is revoked, nobody asks. */
class AccusedSession implements Accused {
  readonly #owner: Owner;
  readonly #since: number | undefined;
  readonly #audience: string;
  readonly #subject: string | undefined;
  #lineage: string | undefined;

  constructor(owner: Owner, { since, audience, subject }: Origin) {
    this.#owner = owner;
    this.#since = since;
    this.#audience = audience;
    this.#subject = subject;
  }

  get lineage(): string {
    this.#lineage ??= lineageOf(this.#owner, { since: this.#since, audience: this.#audience, subject: this.#subject });
    return this.#lineage;
  }

  get since(): number {
    return loginOf(this.lineage);
  }

  get cutOffs(): readonly string[] {
    return cutOffsOf(this.#owner.consumerId, this.#audience, this.#subject);
  }
}

/** The rows by which a session counts, as long as they stay what they are. */
export interface Standing {
  readonly consumer: Remembered<Consumer>;
  readonly credential: Remembered<unknown>;
  /** What `stale` falls back on, which is known anew with every visit. */
  readonly known: Known | undefined;
  /** The owner of sessions that say nothing but the ids: one object, with the same texts, for all of them. */
  readonly owner: Owner;
}

/** A judgement, and the last second in which it may stand in for one that cannot be made. */
interface Known {
  readonly consumer: Consumer;
  until: number;
}

export function createAuthority(config: Config, lookups: Lookups, denyList: DenyList): Authority {
  const credentials = createCredentials(lookups);
  const followsCredential = config.follow_credential !== false;
  const staleSeconds = staleSecondsOf(config);
  const known = new LRUCache<string, Known>({ max: MOST_KNOWN });
  const standings = new WeakMap<Remembered<Consumer>, Standing>();
  const keyOf = ({ consumerId, credentialId, mark }: Owner) => `${consumerId} ${credentialId} ${mark}`;

  function ask(owner: Owner, accused: Accused, now: number): Awaitable<Consumer | Refusal> {
    return andThen(denyList.denial(accused, now), (denial) => {
      if (denial) return denial;
      return andThen(lookups.find(consumerEntity, "id", owner.consumerId), (consumer) => {
        if (consumer === undefined) return "consumer_deleted";
        if (!followsCredential) return consumer;
        return andThen(credentials.isUnchanged(owner), (is) => (is ? consumer : "credential_changed"));
      });
    });
  }

  /** When the database fails, what this process knew a short time ago counts. */
  function askOrRemember(seconds: number, owner: Owner, accused: Accused, now: number): Awaitable<Consumer | Refusal> {
    const key = keyOf(owner);
    const note = (judgement: Consumer | Refusal): Consumer | Refusal => {
      if (typeof judgement === "object") known.set(key, { consumer: judgement, until: now + seconds });
      else if (judgement !== "revoked" && judgement !== "replaced") known.delete(key);
      return judgement;
    };
    return attempt(
      () => andThen(ask(owner, accused, now), note),
      (error) => {
        const denial = denyList.lastKnown(accused, now);
        if (denial) return denial;
        const last = known.get(key);
        if (last && now <= last.until) return last.consumer;
        throw error;
      },
    );
  }

  return {
    credentials,
    accusedOf(owner, session, standing) {
      const origin = originOf(session);
      const consumer = standing?.consumer.row;
      const name = consumer && subjectOf(consumer);
      return new AccusedSession(owner, name === origin.subject ? { ...origin, subject: name } : origin);
    },
    judge(owner, accused, now) {
      if (!isUuid(owner.consumerId)) return "invalid_session_owner";
      return staleSeconds === undefined ? ask(owner, accused, now) : askOrRemember(staleSeconds, owner, accused, now);
    },
    watch(owner) {
      const consumer = lookups.watch(consumerEntity, "id", owner.consumerId);
      const credential = followsCredential ? credentials.watch(owner) : consumer;
      if (!consumer?.row || !credential) return undefined;
      const judged = known.get(keyOf(owner));
      const last = standings.get(consumer);
      if (last?.credential === credential && last.known === judged && last.owner.credentialId === owner.credentialId) {
        return last;
      }
      const plain = { consumerId: consumer.row.id, credentialId: owner.credentialId, groups: undefined };
      const standing = { consumer, credential, known: judged, owner: plain };
      standings.set(consumer, standing);
      return standing;
    },
    recall({ standing, accused }, now) {
      const consumer = standing.consumer.row;
      if (consumer === undefined || standing.credential.row === undefined) return undefined;
      // It knows nothing either while changes of rows may be on their way.
      if (denyList.recall(accused, now) !== false) return undefined;
      if (standing.known) standing.known.until = now + staleSeconds!;
      return consumer;
    },
  };
}
