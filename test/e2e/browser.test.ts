import assert from "node:assert/strict";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { startQuickstart, temporaryFolder } from "../helpers/quickstart.ts";

// A person with a browser, on the page of the quickstart.

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FOLDERS = [
  ...(process.env.PATH ?? "").split(delimiter),
  "/usr/bin",
  "/Applications/Google Chrome.app/Contents/MacOS",
];
const ARGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";

function findBrowser(): string | undefined {
  const files = FOLDERS.flatMap((folder) => [...NAMES, "Google Chrome"].map((name) => join(folder, name)));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function openBrowser(t: TestContext, executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: ARGS.split(" ") });
  t.after(() => browser.close());
  return browser;
}

const contrasts = readFileSync(new URL("../helpers/contrasts.js", import.meta.url), "utf8");
const executable = findBrowser();
// In CI the browser has to be there; the launch then says that it is not.
const skip = executable === undefined && !process.env.CI ? "no Chromium or Chrome was found" : false;

test("a person logs in with a browser, reloads, sees the same session, logs out and is refused", {
  skip,
}, async (t) => {
  const [browser, quickstart] = await Promise.all([
    openBrowser(t, executable ?? "chromium"),
    startQuickstart(t, { prefix: join(temporaryFolder(t), "data") }),
  ]);
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(5000);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    // The browser itself reports each 403, which is how the page learns that there is no session.
    if (message.type() === "error" && !/status of 403/.test(message.text())) faults.push(message.text());
  });
  const heading = page.getByRole("heading", { name: "You are fiona" });
  const status = page.getByRole("status");
  const sessionId = () => page.getByRole("definition").first().textContent();
  const visit = () => page.evaluate<number>(`fetch("/sessions-test").then(({ status }) => status)`);

  await t.test("the page is in order for assistive technology", async () => {
    await page.goto(`${quickstart.proxy}/quickstart`);
    await page.getByLabel("Key").waitFor();
    assert.equal(await page.getAttribute("html", "lang"), "en");
    assert.notEqual(await page.title(), "");
    assert.equal(await page.getByRole("main").count(), 1);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
    assert.equal(await page.getByRole("region", { name: "Log in" }).count(), 1);
    assert.equal(await page.getByRole("main").getAttribute("aria-busy"), "false");
    assert.equal(await page.getByLabel("Key").getAttribute("aria-describedby"), "key-hint");
    assert.equal(
      await page.getByRole("region", { name: "You are" }).count(),
      0,
      "what is hidden is hidden from everyone",
    );
  });

  await t.test("a wrong key is refused, and said so", async () => {
    await page.getByLabel("Key").fill("close_sesame");
    await page.getByRole("button", { name: "Log in" }).click();
    await status.getByText("This key opens nothing (403).").waitFor();
    assert.equal(await focused(page), "key");
    assert.equal(await visit(), 403);
  });

  await t.test("the key opens a session, by the keyboard alone", async () => {
    await page.getByLabel("Key").fill("");
    await page.keyboard.type("open_sesame");
    await page.keyboard.press("Enter");
    await heading.waitFor();
    await status.getByText("You are logged in").waitFor();
    assert.equal(await focused(page), "session-heading");
    assert.equal(await page.getByLabel("Key").isVisible(), false);
    const clocks = await page.getByRole("definition").allInnerTexts();
    assert.match(clocks[1] ?? "", /^1[45] min \d+ s left/);
    assert.match(clocks[2] ?? "", /^(?:59 min|1 h) .*left/);
    assert.match(clocks[3] ?? "", /^2[34] h .*left/);
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "visit");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "logout");
  });

  await t.test("the cookie is out of a script's reach", async () => {
    assert.equal(await page.evaluate("document.cookie"), "");
    const cookies = await context.cookies();
    assert.deepEqual(
      cookies.map(({ name, path, httpOnly, sameSite, secure }) => ({ name, path, httpOnly, sameSite, secure })),
      [{ name: "session", path: "/", httpOnly: true, sameSite: "Strict", secure: false }],
    );
  });

  await t.test("after a reload it is the same session", async () => {
    const before = await sessionId();
    assert.match(before ?? "", /^[\w-]{43}$/);
    await page.reload();
    await heading.waitFor();
    assert.equal(await sessionId(), before);
    await page.getByRole("button", { name: "Visit again" }).click();
    await status.getByText("The same session").waitFor();
    assert.equal(await sessionId(), before);
  });

  await t.test("what the upstream was told can be unfolded", async () => {
    await page.getByText("What the upstream was told about you").click();
    const told = page.getByText("X-Consumer-Username: fiona");
    assert.equal(await told.isVisible(), true);
    assert.ok(!(await told.textContent())?.includes("session="));
  });

  await t.test("the texts stand out from their ground, in light and in dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const ratios = await page.evaluate<{ text: string; ratio: number }[]>(contrasts);
      assert.ok(ratios.length > 10);
      for (const { text, ratio } of ratios)
        assert.ok(ratio >= 4.5, `${colorScheme}: "${text}" has ${ratio.toFixed(2)}`);
    }
  });

  await t.test("after logging out the visitor is refused, with the old cookie too", async () => {
    const cookies = await context.cookies();
    await page.getByRole("button", { name: "Log out" }).click();
    await status.getByText("You are logged out").waitFor();
    assert.equal(await focused(page), "key");
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await visit(), 403);
    await context.addCookies(cookies);
    assert.equal(await visit(), 403);
    await page.reload();
    await page.getByLabel("Key").waitFor();
    assert.equal(await heading.isVisible(), false);
  });

  assert.deepEqual(faults, []);
  assert.deepEqual(await quickstart.stop(), [0, null]);
});

function focused(page: Page): Promise<string | undefined> {
  return page.evaluate("document.activeElement?.id");
}
