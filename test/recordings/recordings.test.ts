import { testRecording } from "./replay.ts";

testRecording("02-walkthrough-storage-kong");
testRecording("04-admin-crud");
testRecording("06-key-auth-and-request-termination");
testRecording("07-proxy-behaviour");
testRecording("09-dbless", { declarative: "09-dbless.yml" });
