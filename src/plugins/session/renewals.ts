import { LRUCache } from "lru-cache";
import { type Awaitable, chain, isPromise, type Refreshed, type Session, type SetCookie } from "../../session/index.ts";

/** What a request gets for its renewal; `joined` when another request has made it. */
export interface Renewal {
  readonly action: Refreshed["action"] | "joined";
  readonly cookies: readonly SetCookie[];
}

interface Done {
  readonly cookies: readonly SetCookie[];
  /** The last second in which these cookies are what a renewal would give. */
  readonly until: number;
}

/** Characters of cookies, and what comes with them, that one configured row keeps at most. */
const MAX_SIZE = 8 * 1024 * 1024;
const ENTRY_SIZE = 512;

/**
 * Renewals that requests share: a page that is asked for together with all its parts comes with one cookie many times, at the
 * moment when it is due. The first request renews; who comes while it does, or as long as the old cookie may be under way
 * (`stale_ttl` seconds), gets the same new cookies. So a process makes one session out of one, whoever of them the browser hears.
 */
export class Renewals {
  readonly #lateSeconds: number;
  readonly #running = new Map<string, Promise<Done>>();
  readonly #done = new LRUCache<string, Done>({
    maxSize: MAX_SIZE,
    sizeCalculation: ({ cookies }) => cookies.reduce((size, { text }) => size + text.length, ENTRY_SIZE),
  });

  constructor(lateSeconds: number) {
    this.#lateSeconds = lateSeconds;
  }

  /** Join the renewal of the session that has this key, or make it. It fails for all who wait for it, and for nobody later. */
  share(key: string, session: Session, now: number, renew: () => Awaitable<Renewal>): Awaitable<Renewal> {
    const running = this.#running.get(key);
    if (running) return running.then(joined);
    const done = this.#done.get(key);
    if (done && now <= done.until) return joined(done);
    const keep = ({ cookies }: Renewal): Done => {
      const kept = { cookies, until: Math.min(now + this.#lateSeconds, session.quietUntil ?? now) };
      this.#done.set(key, kept);
      return kept;
    };
    const renewal = renew();
    if (!isPromise(renewal)) {
      keep(renewal);
      return renewal;
    }
    const shared = renewal.then(keep).finally(() => this.#running.delete(key));
    this.#running.set(key, shared);
    return chain(shared, () => renewal);
  }
}

function joined({ cookies }: Done): Renewal {
  return { action: "joined", cookies };
}
