import type { Plugin } from "../gateway/index.ts";
import { acl } from "./acl/index.ts";
import { basicAuth } from "./basic-auth/index.ts";
import { keyAuth } from "./key-auth/index.ts";
import { requestTermination } from "./request-termination/index.ts";
import { session } from "./session/index.ts";

/** The bundled plugins. */
export const plugins: readonly Plugin[] = [session, keyAuth, basicAuth, acl, requestTermination];
