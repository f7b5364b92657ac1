// Preloaded into a gateway (`--import`), whose clock then differs from the machine's by as many seconds as the file says that
// TEST_CLOCK_FILE names. It is read again and again, so that a test can let time pass.
import { readFileSync } from "node:fs";

const file = process.env.TEST_CLOCK_FILE!;
const realNow = Date.now;
let shiftMs = 0;

function read(): void {
  const text = readFileSync(file, "utf8");
  // It is being written.
  if (text !== "") shiftMs = Number(text) * 1000;
}

read();
setInterval(read, 10).unref();
Date.now = () => realNow() + shiftMs;
