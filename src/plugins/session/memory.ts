import type { Session } from "../../session/index.ts";
import type { Standing } from "./authority.ts";
import type { Owner } from "./owner.ts";
import type { Accused } from "./revocations.ts";

/** A visitor who was recognised: what the same cookie text means again until `until`. */
export interface Recognised {
  /** Only to be read: other requests have it too. Undefined where nobody is told of it. */
  readonly session: Session | undefined;
  readonly owner: Owner;
  readonly standing: Standing;
  readonly accused: Accused;
  /** The Cookie header that the upstream gets; undefined when it gets the visitor's, null when it gets none. */
  readonly upstreamCookie: string | null | undefined;
  /** The last second in which the session needs no renewal and none of its clocks has run out. */
  readonly until: number;
  /** Whether the storage still has what was opened; absent where the cookie itself holds the session. */
  readonly isStored: ((now: number) => boolean) | undefined;
  /** Whether he came since the memory last looked for room. */
  hasCome: boolean;
}

/** Bytes that one configured row remembers at most, and those of a visitor besides the text. */
const MAX_SIZE = 128 * 1024 * 1024;
const ENTRY_SIZE = 512;

/** Of how many the hand passes by at a time, so that nobody waits for it. */
const MOST_SPARED = 100;

/** Marks of texts that were seen once, all rows together: 2 MB. */
let seen: Uint32Array | undefined;
const PLACES = 2 ** 19;

/** Of what is encrypted or a MAC in a session cookie, which is as good as random. */
function markOf(cookie: string): number {
  let hash = cookie.length;
  for (let i = Math.max(0, cookie.length - 24); i < cookie.length; i++) {
    hash = Math.imul(hash ^ cookie.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0 || 1;
}

/**
 * The visitors that one configured row has recognised lately, by the exact text of their Cookie header. Only authenticated
 * texts are kept, and only from the second time on: what comes once is not worth it. So strangers cannot fill it. It belongs to
 * its row: another secret or setting starts with an empty one.
 *
 * When it is full, a hand goes round (CLOCK): who came since it passed by last stays, who did not makes room.
 */
export class RecognisedVisitors {
  readonly #visitors = new Map<string, Recognised>();
  #size = 0;
  #hand = this.#visitors.entries();

  get(cookie: string, now: number): Recognised | undefined {
    const visitor = this.#visitors.get(cookie);
    if (visitor === undefined) return undefined;
    if (now <= visitor.until && (visitor.isStored === undefined || visitor.isStored(now))) {
      visitor.hasCome = true;
      return visitor;
    }
    this.#forget(cookie);
    return undefined;
  }

  #forget(cookie: string): void {
    if (this.#visitors.delete(cookie)) this.#size -= sizeOf(cookie);
  }

  #makeRoom(): void {
    for (let spared = 0; this.#size > MAX_SIZE; ) {
      const { done, value } = this.#hand.next();
      if (done) {
        this.#hand = this.#visitors.entries();
        continue;
      }
      const [cookie, visitor] = value;
      if (visitor.hasCome && spared++ < MOST_SPARED) visitor.hasCome = false;
      else this.#forget(cookie);
    }
  }

  /** Whether this text came before, as far as that is noted; from now on it is. */
  isKnown(cookie: string): boolean {
    seen ??= new Uint32Array(PLACES);
    const mark = markOf(cookie);
    const place = mark & (PLACES - 1);
    if (seen[place] === mark) return true;
    seen[place] = mark;
    return false;
  }

  remember(cookie: string, visitor: Recognised): void {
    if (!this.#visitors.has(cookie)) this.#size += sizeOf(cookie);
    this.#visitors.set(copy(cookie), visitor);
    this.#makeRoom();
  }
}

function sizeOf(cookie: string): number {
  return cookie.length + ENTRY_SIZE;
}

/** The same text in memory of its own: as it is, it is a part of the whole head it came in, which would be kept with it. */
function copy(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
