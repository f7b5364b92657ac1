const engine = process.env["SESAME_TEST_HTTP_ENGINE"];

/** The HTTP engine that the tests are to run with, as settings; empty for the default. */
export const engineSettings: Readonly<Record<string, string>> = engine === undefined ? {} : { http_engine: engine };
