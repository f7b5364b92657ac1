import assert from "node:assert/strict";
import { test } from "node:test";
import { createCors } from "./cors.ts";

const gui = ["https://manager.example.com/ui", "http://localhost:8002"];

// admin_gui_url, Origin, Sec-Fetch-Site -> Allow-Origin, Allow-Credentials, whether a write is refused
const matrix: [
  urls: string[],
  origin: string | undefined,
  site: string | undefined,
  allowed: string,
  writes: boolean,
][] = [
  [[], undefined, undefined, "* true", true],
  [[], undefined, "none", "", true],
  [[], undefined, "same-origin", "", true],
  [[], undefined, "cross-site", "", false],
  [[], "http://evil.test", undefined, "", false],
  [[], "http://evil.test", "cross-site", "", false],
  [[], "http://127.0.0.1:8001", "same-origin", "", false],
  [[], "null", undefined, "", false],
  [[], "", undefined, "", false],
  [gui, undefined, undefined, "https://manager.example.com true", true],
  [gui, undefined, "cross-site", "https://manager.example.com", false],
  [gui, "https://manager.example.com", undefined, "https://manager.example.com true", true],
  [gui, "https://manager.example.com", "same-site", "https://manager.example.com true", true],
  [gui, "http://localhost:8002", "same-site", "http://localhost:8002 true", true],
  [gui, "http://localhost:8002", "cross-site", "http://localhost:8002 true", false],
  [gui, "http://localhost:8003", "same-site", "https://manager.example.com", false],
  [gui, "http://manager.example.com", undefined, "https://manager.example.com", false],
  [gui, "https://manager.example.com.evil.test", undefined, "https://manager.example.com", false],
  [gui, "HTTPS://MANAGER.EXAMPLE.COM", undefined, "https://manager.example.com", false],
  [gui, "null", undefined, "https://manager.example.com", false],
];

for (const [urls, origin, site, allowed, writes] of matrix) {
  const given = `admin_gui_url ${urls.length ? "set" : "not set"}, Origin ${origin}, Sec-Fetch-Site ${site}`;
  test(`${given}: allows [${allowed}] and a write is ${writes ? "accepted" : "refused"}`, () => {
    const cors = createCors(urls);
    const request = { origin, "sec-fetch-site": site };
    assert.equal(
      cors
        .headers(request)
        .map(([, value]) => value)
        .join(" "),
      allowed,
    );
    assert.equal(cors.refusesWrite(request), !writes);
  });
}

test("an admin_gui_url that is no address of a web page is refused at start", () => {
  for (const url of ["localhost", "localhost:8002", "file:///index.html", "data:,x", "", "*", "null", "http://"])
    assert.throws(() => createCors([url]), { name: "TypeError", message: /^admin_gui_url: expected an address/ }, url);
});
