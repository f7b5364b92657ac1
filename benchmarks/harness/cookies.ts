import { writeFileSync } from "node:fs";
import { createSessions, memoryStorage, type SessionStorage } from "../../src/session/index.ts";
import { CONSUMER_ID, CREDENTIAL_ID, SECRET } from "./configuration.ts";

/** A session that was minted: the value of a Cookie header and, where a storage keeps it, its row. */
export interface Minted {
  readonly cookie: string;
  readonly row?: { readonly session_id: string; readonly data: string };
}

/**
 * Mint different live sessions, as the session plugin of the standard configuration would. `consumers` are the ids of those
 * they belong to, in turns.
 */
export async function mintSessions(
  count: number,
  { storage, consumers = [CONSUMER_ID] }: { storage?: "kong"; consumers?: readonly string[] } = {},
): Promise<Minted[]> {
  let row: Minted["row"];
  const keeper: SessionStorage = {
    ...memoryStorage(),
    async set(_name, session_id, data) {
      row = { session_id, data };
    },
  };
  const sessions = createSessions({ secret: SECRET, release: "4.0" }, storage ? { storage: keeper } : {});
  const now = Math.floor(Date.now() / 1000);
  const minted: Minted[] = [];
  for (let i = 0; i < count; i++) {
    const session = sessions.create({});
    session.data = [consumers[i % consumers.length]!, CREDENTIAL_ID];
    session.subject = "fiona";
    const [cookie] = await session.save(now);
    minted.push({ cookie: cookie!.text.split(";", 1)[0]!, ...(row && { row }) });
  }
  return minted;
}

/** Write the cookies where the load reads them, one to a line. */
export function writeCookies(file: string, minted: readonly Minted[]): void {
  writeFileSync(file, `${minted.map(({ cookie }) => cookie).join("\n")}\n`);
}
