import { CommandError, defineCommand } from "./command.ts";
import { startEcho } from "./echo-server.ts";
import { listenFault, untilStopped } from "./process.ts";

export default defineCommand({
  summary: "Start an upstream that answers any request with a JSON picture of it.",
  options: {
    port: { type: "string", short: "p", placeholder: "N", description: "Port to listen on (8080; 0 is any free one)." },
    host: { type: "string", placeholder: "ADDRESS", description: "Address to listen on (127.0.0.1)." },
  },
  notes: `The picture: method, url, httpVersion, headers as a list of pairs, body. A body that is UTF-8 is text; any other has
bodyEncoding "base64"; of one above 1 MiB only bodyLength and bodySha256 are shown. Trailers are shown when there are any.
Arguments of a request steer its answer: __status=N, __delay=MS, __cookie, __server, __chunked, __trailer.
A WebSocket gets back every message it sends.`,
  async run({ values }, terminal) {
    const { port = "8080", host = "127.0.0.1" } = values;
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65535)
      throw new CommandError(`--port expects a number up to 65535, not "${port}"`);
    const echo = await startEcho({ port: Number(port), host }).catch((error: unknown) => {
      throw listenFault(error, `${host}:${port}`);
    });
    terminal.print(`echo upstream at ${echo.url}\n`);
    await untilStopped();
    await echo.close();
    return 0;
  },
});
