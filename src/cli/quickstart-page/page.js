// Logs in at the gateway with a key, shows the session that the gateway answers with, and logs out. The cookie itself is out of
// a script's reach (HttpOnly): what is known of the session stands in the response headers Session-*.

const PROTECTED = "/sessions-test";
const CLOCKS = ["idling", "rolling", "absolute"];

const element = (id) => document.getElementById(id);

/** When each clock runs out, by `performance.now()`; those that are off are not in it, nor is any without a session. */
let ends = new Map();

/** Send a request to what is protected; undefined when the gateway cannot be reached. */
async function send(query = "", options = {}) {
  try {
    return await fetch(PROTECTED + query, { cache: "no-store", ...options });
  } catch {
    say("The gateway cannot be reached.", true);
    return undefined;
  }
}

/** `focus` is where a keyboard goes on; the page takes no focus that a person did not cause. */
function showLogin(focus) {
  ends = new Map();
  element("session").hidden = true;
  element("login").hidden = false;
  if (focus) element("key").focus();
}

async function showSession(response, focus) {
  const { headers } = response;
  element("subject").textContent = headers.get("session-subject");
  element("session-id").textContent = headers.get("session-id");
  ends = new Map();
  for (const clock of CLOCKS) {
    const seconds = Number(headers.get(`session-${clock}-timeout`));
    element(clock).textContent = "off";
    if (seconds > 0) ends.set(clock, performance.now() + 1000 * seconds);
  }
  tick();
  const { headers: received } = await response.json();
  const told = received.filter(([name]) => /^x-(?:consumer|credential)-/i.test(name));
  element("told").textContent = told.map(([name, value]) => `${name}: ${value}`).join("\n");
  element("login").hidden = true;
  element("session").hidden = false;
  if (focus) element("session-heading").focus();
}

function say(text, isAlert = false) {
  const message = element("message");
  message.textContent = text;
  message.classList.toggle("alert", isAlert);
}

/** Show what the clocks have left; when one has run out, ask the gateway. */
function tick() {
  const now = performance.now();
  let isOver = false;
  for (const [clock, end] of ends) {
    const seconds = Math.max(0, Math.round((end - now) / 1000));
    element(clock).textContent = describe(seconds);
    isOver ||= end + 1000 < now;
  }
  if (isOver) {
    ends = new Map();
    void visit();
  }
}

function describe(seconds) {
  const parts = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor((seconds % 3600) / 60), "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count], index) => count > 0 || index === 2);
  return `${parts
    .slice(first)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ")} left`;
}

async function visit() {
  const former = element("session-id").textContent;
  const response = await send();
  if (response?.ok) {
    await showSession(response);
    const isRenewed = element("session-id").textContent !== former;
    say(isRenewed ? "The session was renewed under a new id." : "The same session: the cookie was enough.");
  } else if (response) {
    showLogin(true);
    say("The session has ended.", true);
  }
}

element("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = element("key");
  // A header takes bytes, one character for each.
  const apikey = String.fromCharCode(...new TextEncoder().encode(key.value));
  const response = await send("", { headers: { apikey } });
  if (response?.ok) {
    key.value = "";
    await showSession(response, true);
    say("You are logged in; the browser has the session's cookie.");
  } else if (response) {
    say(`This key opens nothing (${response.status}).`, true);
    key.select();
    key.focus();
  }
});

element("visit").addEventListener("click", visit);

element("logout").addEventListener("click", async () => {
  const response = await send("?session_logout=1", { method: "POST" });
  if (response) showLogin(true);
  if (response?.ok) say("You are logged out; the cookie is gone.");
  else if (response) say("The session had ended before.", true);
});

const response = await send();
if (response?.ok) await showSession(response);
else showLogin();
element("main").ariaBusy = "false";
setInterval(tick, 1000);
