import assert from "node:assert/strict";
import { test } from "node:test";
import { findCookie, withoutCookies } from "./cookies.ts";

type Row = readonly [header: string | readonly string[] | undefined, value: string | undefined, why: string];

const found: readonly Row[] = [
  [undefined, undefined, "no header"],
  ["", undefined, "an empty header"],
  ["session=a", "a", "the only pair"],
  ["session=", "", "an empty value"],
  ["SESSION=a", "a", "names compare without case"],
  ["a=1; session=b; c=2", "b", "a pair in the middle"],
  ["a=1;session=b", "b", "no blank before the name"],
  ["session=a; session=b", "a", "the first one wins"],
  ["session = a", "a", "blanks around the equals sign"],
  ["session=a ; b=1", "a ", "a blank at the end belongs to the value"],
  ['session="a"', '"a"', "quotes belong to the value"],
  ["session=a=b", "a=b", "equals signs belong to the value"],
  ["session=a,b=2", "a,b=2", "a comma does not end the value"],
  ["a=1,session=b", "b", "a comma ends a pair that does not match"],
  ["session2=a", undefined, "a longer name"],
  ["xsession=a", undefined, "a name that only ends so"],
  ["sessio=a", undefined, "a shorter name"],
  ["session", undefined, "a name without a value"],
  ["session; session=a", "a", "a name without a value is passed over"],
  ["sess\u0131on=a; \u017fession=b", undefined, "letters whose case folds to ASCII elsewhere"],
  [";;;,,, session=a", "a", "empty pairs"],
  [["a=1", "session=b"], "b", "the second of two headers"],
  [["session=a", "session=b"], "a", "the first of two headers"],
  [[], undefined, "no header at all"],
];

for (const [header, value, why] of found) {
  test(`the cookie "session" in ${JSON.stringify(header)}: ${why}`, () => {
    assert.equal(findCookie(header, "session"), value);
  });
}

const cleared: readonly (readonly [header: string, left: string | undefined])[] = [
  ["a=1; session=x", "a=1; "],
  ["c; d=1; session=x; e", "c;d=1; e"],
  ["session=x;f=2", "f=2"],
  ['session=x; g = 3 ;h="x y"', 'g=3; h="x y"'],
  ["session=x; session2=y", undefined],
  ["SESSION=x; session3=y", "SESSION=x; session3=y"],
  ["", undefined],
  [";;", undefined],
];

for (const [header, left] of cleared) {
  test(`the header ${JSON.stringify(header)} without the session's cookies`, () => {
    assert.equal(withoutCookies(header, new Set(["session", "session2"])), left);
  });
}
