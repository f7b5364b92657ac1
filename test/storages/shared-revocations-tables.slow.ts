import { testSharedRevocations } from "../contracts/shared-revocations.ts";
import { storageKinds } from "../helpers/storage-kinds.ts";

const kinds = ["mysql", "postgres", "cassandra"];
for (const kind of storageKinds) if (kinds.includes(kind.storage)) testSharedRevocations(kind);
