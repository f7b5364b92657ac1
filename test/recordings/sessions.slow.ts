import { testRecording } from "./replay.ts";

// These wait for timeouts, about a minute each.
testRecording("03-session-storage-cookie-and-options");
