import assert from "node:assert/strict";
import { test } from "node:test";
import { defineCommand, describeCommand, parseCommandLine } from "./command.ts";
import { runCommand } from "./commands.ts";
import { runWith } from "./testing.ts";

const sample = defineCommand({
  summary: "A command.",
  usage: "FILE",
  positionals: 1,
  options: {
    name: { type: "string", short: "n", placeholder: "NAME", description: "A name." },
    item: { type: "string", multiple: true, description: "An item." },
    flag: { type: "boolean", description: "A flag." },
  },
  run: () => 0,
});

test("arguments are read by the table of options", () => {
  const rows: [args: string[], values: object, positionals?: string[]][] = [
    [[], {}],
    [["-n", "a", "x"], { name: "a" }, ["x"]],
    [["--name=-a"], { name: "-a" }],
    [["--item", "a,b", "--item=c"], { item: ["a,b", "c"] }],
    [["--flag"], { flag: true }],
    [["--no-flag"], { flag: false }],
    [["--flag=off"], { flag: false }],
    [["--flag=true"], { flag: true }],
    [["--flag", "false"], { flag: false }],
    [["--flag", "on"], { flag: true }, ["on"]],
    [["--name", "--"], {}, undefined],
    [["-"], {}, ["-"]],
    [["--", "--flag"], {}, ["--flag"]],
  ];
  for (const [args, values, positionals = []] of rows) {
    if (args.join(" ") === "--name --") {
      assert.throws(() => parseCommandLine(sample, args), /argument/);
      continue;
    }
    const parsed = parseCommandLine(sample, args);
    assert.deepEqual({ ...parsed.values }, values, args.join(" "));
    assert.deepEqual(parsed.positionals, positionals, args.join(" "));
  }
});

test("arguments that do not fit are refused in one line", () => {
  const rows: [args: string[], message: RegExp][] = [
    [["--other"], /^unknown option '--other'$/],
    [["--name"], /^option '-n, --name <value>' argument missing$/],
    [["--flag=maybe"], /does not take an argument/],
    [["--no-name"], /^unknown option '--no-name'$/],
    [["--toString"], /^unknown option '--toString'$/],
    [["a", "b"], /^expected at most 1 argument$/],
  ];
  for (const [args, message] of rows)
    assert.throws(() => parseCommandLine(sample, args), { code: "ERR_COMMAND", message });
  assert.throws(() => parseCommandLine({ ...sample, positionals: 0 }, ["a"]), { message: "expected options only" });
});

test("the help of a command shows usage, summary, options and notes", () => {
  const help = describeCommand("sample", { ...sample, notes: "A note." });
  assert.match(help, /^Usage: sesame sample \[options\] FILE\n\nA command\.\n\n {2}-n, --name NAME {2}A name\.\n/);
  assert.match(help, /--flag {7}A flag\.\n {2}-h, --help {7}Show this help\.\n\nA note\.\n$/);
});

test("what is no command is one line and exit code 1", async () => {
  const rows: [args: string[], line: RegExp][] = [
    [[], /^sesame: expected a command: start, quickstart, echo, /],
    [["strat"], /^sesame: unknown command "strat" \(sesame --help lists them\)$/],
    [["toString"], /^sesame: unknown command "toString"/],
    [["--start"], /^sesame: unknown command "--start"/],
    [["session"], /^sesame: unknown command "session"/],
    [["session", "steal"], /^sesame: unknown command "session steal"/],
    [["version", "--loud"], /^sesame: unknown option '--loud'$/],
    [["check"], /^sesame: expected the path of a settings file$/],
    [["check", "/nowhere/sesame.conf"], /^sesame: \/nowhere\/sesame\.conf: cannot be read \(ENOENT\)$/],
    [["echo", "--port", "70000"], /^sesame: --port expects a number up to 65535/],
  ];
  for (const [args, line] of rows) {
    const { code, output, errors } = await runWith(args);
    assert.equal(code, 1, args.join(" "));
    assert.equal(output, "");
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", line);
  }
});

test("every command has help, and session has one for its own", async () => {
  for (const args of [
    ["echo", "--help"],
    ["check", "-h"],
    ["session", "mint", "--help"],
    ["version", "x", "-h"],
  ]) {
    const { code, output } = await runWith(args);
    assert.equal(code, 0);
    assert.match(output, /^Usage: sesame (?:echo|check|session mint|version) \[options\]/);
  }
  const { code, output } = await runWith(["session", "--help"]);
  assert.equal(code, 0);
  assert.match(output, / {2}session inspect {2}\w.*\n {2}session mint +\w/);
  assert.doesNotMatch(output, /quickstart/);
});

test("version tells the package's version, whichever way it is asked for", async () => {
  for (const args of [["version"], ["--version"], ["-v"]]) {
    assert.match((await runWith(args)).output, /^sesame \d+\.\d+\.\d+ \(Node\.js \d+\./);
  }
});

test("an unexpected failure of a command is not swallowed", async () => {
  const terminal = { stdin: (async function* () {})(), env: {}, print: () => assert.fail("no output"), warn() {} };
  await assert.rejects(runCommand(["version"], terminal), { code: "ERR_ASSERTION" });
});
