import { testRecording } from "./replay.ts";

testRecording("08-session-touch-and-races");
