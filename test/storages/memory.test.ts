import { memoryStorage } from "../../src/session/index.ts";
import { testSessionStorage } from "../contracts/session-storage.ts";

testSessionStorage("memory", () => memoryStorage());
