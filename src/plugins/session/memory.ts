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
}

/** Bytes that one configured row remembers at most, and those of a visitor besides the text. */
const MAX_SIZE = 128 * 1024 * 1024;
const ENTRY_SIZE = 512;

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
 * Two generations, of half the size each: who comes is in the younger one, which takes the place of the older one as it is full.
 */
export class RecognisedVisitors {
  #young = new Map<string, Recognised>();
  #old = new Map<string, Recognised>();
  /** Bytes of the younger generation. */
  #size = 0;

  get(cookie: string, now: number): Recognised | undefined {
    const visitor = this.#young.get(cookie) ?? this.#old.get(cookie);
    if (visitor === undefined) return undefined;
    if (now <= visitor.until && (visitor.isStored === undefined || visitor.isStored(now))) {
      if (this.#old.size > 0 && !this.#young.has(cookie)) this.remember(cookie, visitor);
      return visitor;
    }
    if (this.#young.delete(cookie)) this.#size -= sizeOf(cookie);
    this.#old.delete(cookie);
    return undefined;
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
    if (!this.#young.has(cookie)) this.#size += sizeOf(cookie);
    this.#young.set(copy(cookie), visitor);
    if (this.#size < MAX_SIZE / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#size = 0;
  }
}

function sizeOf(cookie: string): number {
  return cookie.length + ENTRY_SIZE;
}

/** The same text in memory of its own: as it is, it is a part of the whole head it came in, which would be kept with it. */
function copy(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
