import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from "node:crypto";
import { attempt, type Refreshed, type Session, type Sessions, type SetCookie } from "../../session/index.ts";
import type { Config } from "./config.ts";
import type { Keeper } from "./keeper.ts";
import type { Renewal } from "./renewals.ts";

/**
 * After a session was renewed: the renewal that counts, ours or that of another process which was first. `former` is the id
 * that the session had before.
 */
export type Agree = (former: string, session: Session, done: Refreshed, now: number) => Promise<Renewal>;

/**
 * Lets processes that renew one session at the same time agree on one of the new ones: each writes its own and notes its
 * cookies beside the old record, sealed, where only the first note stays. Who was not first drops what it wrote and gives its
 * visitor the other's cookies. When anything fails meanwhile, both sessions are good.
 *
 * Undefined where no other process can open the cookies, or the storage takes no such notes.
 */
export function createAgreement(config: Config, sessions: Sessions, keeper: Keeper | undefined): Agree | undefined {
  const { secret, store_metadata, audience, stale_ttl } = config;
  const storage = keeper?.storage;
  if (!storage?.noteSuccessor || secret === null || stale_ttl === 0) return undefined;
  // SPEC-session-v4 §8
  const keyOf = (id: string) =>
    config.hash_storage_key ? hash("sha256", Buffer.from(id, "base64url"), "base64url") : id;
  const name = sessions.cookieName;

  async function agree(former: string, session: Session, done: Refreshed, now: number): Promise<Renewal> {
    const own = seal(secret!, former, done.cookies);
    const kept = await storage!.noteSuccessor!(name, keyOf(former), own, {
      now,
      ttl: Math.ceil(stale_ttl ?? STALE_TTL),
    });
    const cookies = kept === own ? undefined : unseal(secret!, former, kept);
    if (!cookies) return done;
    const { id, subject } = session;
    const indexes = store_metadata && subject ? [sessions.indexOf(audience ?? session.audience, subject)] : undefined;
    await storage!.delete(name, keyOf(id!), now, indexes);
    return { action: "joined", cookies };
  }

  return (former, session, done, now) =>
    attempt(
      () => agree(former, session, done, now),
      () => done,
    ) as Promise<Renewal>;
}

/** What the engine takes where a row leaves it open. */
const STALE_TTL = 10;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The key of the note beside one session: who reads the storage has not the secret, and knows no cookie by it. */
function keyFor(secret: string, former: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, former, "sesame: successor of a session", 32));
}

function seal(secret: string, former: string, cookies: readonly SetCookie[]): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", keyFor(secret, former), nonce);
  const text = Buffer.concat([cipher.update(JSON.stringify(cookies)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString("base64url");
}

/** Undefined for what was not sealed by this secret for this session. */
function unseal(secret: string, former: string, sealed: string): readonly SetCookie[] | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  const [nonce, tag] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)];
  try {
    const decipher = createDecipheriv("aes-256-gcm", keyFor(secret, former), nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(tag);
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
