import type { Context } from "./context.ts";
import type { Exit } from "./response.ts";

/** What the client is told, and after how many seconds it may ask again, by the code of the error that was thrown. */
const FAILURES = new Map([
  ["ERR_DATABASE_FAILED", { status: 503, message: "The database is currently unavailable", retryAfter: 5 }],
]);

/** The answer to a request during which something threw; 500 unless the error's code says more. */
export function failureAnswer({ response }: Context, error: unknown): Exit {
  const failure = FAILURES.get((error as { code?: string } | null)?.code ?? "");
  if (!failure) return response.exit(500, { message: "An unexpected error occurred" });
  return response.error(failure.status, failure.message, { "Retry-After": String(failure.retryAfter) });
}
