import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseList } from "./cores.ts";
import { parseLatencies } from "./h2load.ts";
import { parseOptions } from "./options.ts";
import { parseStat } from "./processes.ts";
import { parseWrk } from "./wrk.ts";

const WRK = `Running 2s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.79ms  462.90us  14.02ms   94.10%
    Req/Sec    23.15k     1.61k   24.67k    90.00%
  46086 requests in 2.00s, 16.13MB read
Requests/sec:  23015.44
Transfer/sec:      8.06MB
`;

describe("the report of wrk", () => {
  it("is read", () => {
    const expected = { requests: 46086, rate: 23015.44, refused: 0, socketErrors: 0, counts: {} };
    assert.deepEqual(parseWrk(WRK), expected);
  });

  it("tells of refusals, failed connections and what a script has counted", () => {
    const bad = WRK.replace(
      "Requests/sec",
      "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 17\nRequests/sec",
    );
    const { refused, socketErrors, counts } = parseWrk(`${bad}counts: answers=46086 ok=46069 cookies=46068\n`);
    assert.deepEqual({ refused, socketErrors }, { refused: 17, socketErrors: 10 });
    assert.deepEqual(counts, { answers: 46086, ok: 46069, cookies: 46068 });
  });

  for (const text of ["", "unable to connect to 127.0.0.1:8000 Connection refused\n"]) {
    it(`is missing in ${JSON.stringify(text)}`, () => assert.throws(() => parseWrk(text), /wrk gave no report/));
  }
});

describe("the log of h2load", () => {
  it("gives percentiles, rate and failures", () => {
    const lines = Array.from(
      { length: 101 },
      (_, i) => `${1_000_000 + i * 10_000}\t${i === 50 ? 503 : 200}\t${i + 1}000`,
    );
    const expected = { requests: 101, failed: 1, rate: 100, p50Ms: 51, p99Ms: 100 };
    assert.deepEqual(parseLatencies(`${lines.join("\n")}\n`), expected);
  });

  for (const text of ["", "a\tb\tc\n", "1\t200\n"]) {
    it(`is refused when it is ${JSON.stringify(text)}`, () => assert.throws(() => parseLatencies(text), /log/));
  }
});

it("a line of /proc/PID/stat is read behind a name with blanks and parentheses", () => {
  const line =
    "42 (a (b) c) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 3 4 20 0 1 0 99 1000000 2500 18446744073709551615 1";
  assert.deepEqual(parseStat(line), { pid: 42, parent: 7, ticks: 200, pages: 2500 });
});

it("a list of processors is read", () => {
  assert.deepEqual(parseList("0-2,5\n"), [0, 1, 2, 5]);
  assert.deepEqual(parseList(""), []);
});

describe("the arguments", () => {
  it("have defaults", () => {
    const { only, versus, seconds, rounds } = parseOptions([]);
    assert.deepEqual({ only, versus, seconds, rounds }, { only: undefined, versus: [], seconds: 1, rounds: 9 });
  });

  it("name rows and peers", () => {
    const args = ["--only", "session,proxy", "--vs", "nginx", "--vs", "fastify", "--vs", "kong=http://127.0.0.1:1"];
    const { only, versus } = parseOptions(args);
    assert.deepEqual(only, ["session", "proxy"]);
    assert.deepEqual(versus, ["fastify", "kong=http://127.0.0.1:1"], "nginx takes part anyway");
  });

  const wrong = [
    ["--seconds", "0"],
    ["--rounds", "1.5"],
    ["--rate", "x"],
    ["--name", "../x"],
    ["--nope"],
    ["--configure", "u"],
  ];
  for (const args of wrong) it(`are refused: ${args.join(" ")}`, () => assert.throws(() => parseOptions(args)));
});
