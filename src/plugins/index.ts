import type { Plugin } from "../gateway/index.ts";
import { acl } from "./acl/index.ts";
import { basicAuth } from "./basic-auth/index.ts";
import { keyAuth } from "./key-auth/index.ts";
import { requestTermination } from "./request-termination/index.ts";
import { session } from "./session/index.ts";

/** The plugins that come with Sesame. */
export const plugins: readonly Plugin[] = [acl, basicAuth, keyAuth, requestTermination, session];
