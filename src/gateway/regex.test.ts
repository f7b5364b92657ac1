import assert from "node:assert/strict";
import { test } from "node:test";
import { compileHeaderRegex, compileRouteRegex, MAX_REGEX_LENGTH, validateRouteRegex } from "./regex.ts";
import { translateRegex } from "./regex-syntax.ts";

test("a regex matches at the beginning only, and gives what it matched", () => {
  const regex = compileRouteRegex("/foo/\\d+");
  assert.deepEqual(regex.match("/foo/12/bar"), { prefix: "/foo/12", captures: undefined });
  assert.equal(regex.match("/x/foo/12"), undefined);
  assert.equal(regex.match("/foo/x"), undefined);
});

test("all alternatives are anchored", () => {
  const regex = compileRouteRegex("/a|/b");
  assert.equal(regex.match("/b")?.prefix, "/b");
  assert.equal(regex.match("/x/b"), undefined);
});

test("captures are given by number and by name, absent groups as undefined", () => {
  const found = compileRouteRegex("/(?<kind>u|g)/(\\d+)(?:/(?P<rest>.+))?").match("/u/42");
  assert.deepEqual(found?.captures?.unnamed, ["/u/42", "u", "42", undefined]);
  assert.deepEqual({ ...found?.captures?.named }, { kind: "u" });
});

test("captures of one match are not changed by the next", () => {
  const regex = compileRouteRegex("/(?<id>\\d+)");
  const first = regex.match("/1");
  regex.match("/2");
  assert.equal(first?.captures?.named["id"], "1");
});

/** Patterns with a text that they match, and what of it. */
const matching: readonly (readonly [pattern: string, path: string, prefix: string | undefined])[] = [
  ["/rx/(?<id>\\d+)$", "/rx/42", "/rx/42"],
  ["/rx/(?<id>\\d+)$", "/rx/42/", undefined],
  ["^/a", "/ab", "/a"],
  ["\\A/a\\z", "/a", "/a"],
  ["/a$", "/a\n", undefined],
  ["/(?'n'a)", "/a", "/a"],
  ["/a(?#comment)+", "/aa", "/aa"],
  ["/[\\w.-]+", "/a.b-c/d", "/a.b-c"],
  ["/[^/]+/x", "/\xff/x", "/\xff/x"],
  ["/a\\.b", "/a.b", "/a.b"],
  ["/a\\.b", "/axb", undefined],
  ["/a\\/b\\-\\_c", "/a/b-_c", "/a/b-_c"],
  ["/\\x41\\x{42}", "/AB", "/AB"],
  ["/a\\sb", "/a\x0bb", "/a\x0bb"],
  ["/[\\s]", "/\x0b", "/\x0b"],
  ["/[^\\S]", "/\x0b", "/\x0b"],
  ["/\\e", "/\x1b", "/\x1b"],
  ["/[]a]+", "/a]", "/a]"],
  ["/[^]a]+", "/b", "/b"],
  ["/[a-]+", "/-a", "/-a"],
  ["/[[:word:]-]+", "/a_-", "/a_-"],
  ["/[[:^digit:]]", "/1", undefined],
  ["(?i)/AbC", "/aBc", "/aBc"],
  ["/(?i:a)b", "/AB", undefined],
  ["/a{2,3}", "/aaaa", "/aaa"],
  ["/a{2,3}?", "/aaaa", "/aa"],
  ["/a*?b", "/aab", "/aab"],
  ["/(a|ab)(c|bcd)", "/abcd", "/abcd"],
  ["/caf.", "/caf\xc3\xa9", "/caf\xc3\xa9"],
  ["/café", "/caf\xc3\xa9/x", "/caf\xc3\xa9"],
  ["/caf.", "/caf\xe9", "/caf\xe9"],
  ["/\\p{Lu}", "/\xc3\x89", "/\xc3\x89"],
  ["/a]}", "/a]}", "/a]}"],
  ["", "/a", ""],
];

for (const [pattern, path, prefix] of matching) {
  test(`${pattern} on ${JSON.stringify(path)} matches ${JSON.stringify(prefix)}`, () => {
    assert.equal(validateRouteRegex(pattern), undefined);
    assert.equal(compileRouteRegex(pattern).match(path)?.prefix, prefix);
  });
}

/** Patterns with what their error must name. */
const refused: readonly (readonly [pattern: string, named: string])[] = [
  ["/a(?=b)", "look-ahead (?="],
  ["/a(?!b)", "look-ahead (?!"],
  ["/(?<=a)b", "look-behind (?<="],
  ["/(?<!a)b", "look-behind (?<!"],
  ["/(?>a)", "atomic group"],
  ["/(a)\\1", "back-reference \\1"],
  ["/(?<n>a)\\k<n>", "\\k"],
  ["/(?<n>a)(?P=n)", "back-reference"],
  ["/(a)\\g1", "\\g"],
  ["/(a)(?1)", "recursion"],
  ["/a(?R)?", "recursion"],
  ["/(?<n>a)(?&n)", "recursion"],
  ["/(?(1)a|b)", "conditional"],
  ["/(?|a|b)", "branch reset"],
  ["/(?C1)a", "callout"],
  ["/(*COMMIT)a", "verb"],
  ["/a\\Kb", "\\K"],
  ["/a\\Z", "\\Z"],
  ["/a\\G", "\\G"],
  ["/\\h", "\\h"],
  ["/\\v", "\\v"],
  ["/\\R", "\\R"],
  ["/\\X", "\\X"],
  ["/\\N", "\\N"],
  ["/\\C", "\\C"],
  ["/\\Qa.b\\E", "\\Q"],
  ["/\\cA", "\\c"],
  ["/\\012", "\\0"],
  ["/\\o{101}", "\\o"],
  ["/\\<a", "\\<"],
  ["/\\y", "\\y"],
  ["/\\é", "\\é"],
  ["/\\", "\\ at the end"],
  ["/\\xg", "\\x"],
  ["/\\p{Nope}", "\\p{Nope}"],
  ["/a++", "possessive repetition ++"],
  ["/a*+", "possessive repetition *+"],
  ["/a{2}+", "possessive repetition {2}+"],
  ["/a**", "* with nothing to repeat"],
  ["*", "* with nothing to repeat"],
  ["/(+)", "+ with nothing to repeat"],
  ["/a|?", "? with nothing to repeat"],
  ["/users/{id}", "{ that begins no repetition"],
  ["/a{,3}", "{ that begins no repetition"],
  ["/a{3,2}", "{3,2}"],
  ["/a{1001}", "{1001}"],
  ["/(?x) a", "extended syntax"],
  ["/(?i-x) a", "extended syntax"],
  ["/(?J)a", "group (?J"],
  ["/(?^)a", "group (?^"],
  ["/(?<1>a)", "group (?<"],
  ["/(?<n>a)(?<n>b)", "duplicate"],
  ["/(?#a", "comment"],
  ["/(a", "missing closing )"],
  ["/a)", "unexpected )"],
  ["/[a", "[ without ]"],
  ["/[]", "[ without ]"],
  ["/[z-a]", "z-a"],
  ["/[a[b]]", "[ in a class"],
  ["/[[.a.]]", "[ in a class"],
  ["/[[:nope:]]", "[ in a class"],
  ["/[a&&b]", "&& in a class"],
  ["/[a--b]", "-- in a class"],
  ["/[a~~b]", "~~ in a class"],
  ["/[\\d-z]", "range with a set"],
  ["/[a-\\d]", "range with a set"],
  ["/[a-c-e]", "- after a range"],
  ["/[\\b]", "\\b in a class"],
  ["/[\\h]", "\\h"],
  ["/\\b{start}", "\\b"],
  ["/(?:a{100}){11}", "repeat count"],
  ["/[a-f]{400}.{400}.{400}", "too complex"],
  [`/${"a".repeat(MAX_REGEX_LENGTH)}`, "longer than"],
];

for (const [pattern, named] of refused) {
  test(`${pattern.slice(0, 40)} is refused and the error names ${named}`, () => {
    const error = validateRouteRegex(pattern) ?? "";
    assert.ok(error.includes(named), error);
    assert.throws(() => compileRouteRegex(pattern), { name: "Error" });
  });
}

/** The literal text that matches must begin with. */
const prefixes: readonly (readonly [pattern: string, prefix: string])[] = [
  ["/users/\\d+", "/users/"],
  ["^/users/", "/users/"],
  ["/a\\.b/.", "/a.b/"],
  ["/ab*", "/a"],
  ["/ab?", "/a"],
  ["/ab{2}", "/a"],
  ["/ab+c", "/ab"],
  ["/ab(?#c)*", "/a"],
  ["/a(b)", "/a"],
  ["/a|/b", ""],
  ["/a(b|c)", "/a"],
  ["/a(b)|c", ""],
  ["(?i)/a", ""],
  ["/a(?i)b", "/a"],
  ["/aé", "/a"],
  ["/a$", "/a"],
  [".", ""],
];

for (const [pattern, prefix] of prefixes) {
  test(`matches of ${pattern} begin with ${JSON.stringify(prefix)}`, () => {
    assert.equal(translateRegex(pattern).literalPrefix, prefix);
  });
}

test("patterns that make backtracking engines hang are quick on a path as long as a head can hold", () => {
  const path = `/${"a".repeat(48_000)}`;
  for (const pattern of [
    "/(a+)+$b",
    "/(a|a)*b",
    "/(a|aa)+!",
    "/(.*)(.*)(.*)(.*)(.*)!",
    "/(?:a?){30}(?:a{30})!",
    "/(x+x+)+y",
  ]) {
    const started = performance.now();
    assert.equal(compileRouteRegex(pattern).match(path), undefined, pattern);
    assert.ok(performance.now() - started < 1000, pattern);
  }
});

test("a header's regex is searched anywhere in the value, whatever the case", () => {
  const regex = compileHeaderRegex("^text/|JSON");
  assert.ok(regex.test("Text/html"));
  assert.ok(regex.test("application/json"));
  assert.ok(!regex.test("a text/html"));
  assert.ok(compileHeaderRegex("é").test("caf\xc3\xa9"));
});
