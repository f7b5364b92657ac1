import { runCommand } from "./commands.ts";

/** Run a command in this process, with this standard input; answers what it wrote. */
export async function runWith(
  args: readonly string[],
  input = "",
): Promise<{ code: number; output: string; errors: string[] }> {
  let output = "";
  const errors: string[] = [];
  const stdin = (async function* () {
    // Two pieces, so that what is split between them is seen to be joined.
    const bytes = Buffer.from(input);
    yield bytes.subarray(0, bytes.length >> 1);
    yield bytes.subarray(bytes.length >> 1);
  })();
  const print = (text: string) => void (output += text);
  const code = await runCommand(args, { stdin, env: {}, print, warn: (line) => void errors.push(line) });
  return { code, output, errors };
}
