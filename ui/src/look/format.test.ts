import { expect, test } from "vitest";
import { age, clock, counted, millis, onNode, plain, rate, rough, short } from "./format";
import { jsonPieces } from "./Json";

test.each([
  [0, "now"],
  [400, "0.4 s"],
  [9_940, "9.9 s"],
  [9_960, "10 s"],
  [59_000, "59 s"],
  [60_000, "1 min"],
  [3_600_000, "1 h"],
  [90_000_000, "1 d"],
])("%d ms is %s", (elapsed, text) => expect(age(0, elapsed)).toBe(text));

test("a time of day has milliseconds", () => {
  expect(clock(new Date(2026, 0, 2, 9, 41, 7, 8).getTime())).toBe("09:41:07.008");
});

test.each([
  [0, "1 s"],
  [7.1, "8 s"],
  [90, "90 s"],
  [91, "2 min"],
])("%d s to go are %s", (seconds, text) => expect(rough(seconds)).toBe(text));

test.each([
  [0, "0"],
  [2.34, "2.3"],
  [240, "240"],
  [999.6, "1.0k"],
  [1234, "1.2k"],
])("%d events/s are written %s", (value, text) => expect(rate(value)).toBe(text));

test.each([
  [21.94, "21.9"],
  [-3, "-3.0"],
  [612, "612.0"],
  [4812.4, "4812"],
  [48_120, "48k"],
])("%d on a node is %s", (value, text) => expect(onNode(value)).toBe(text));

test("values are exact, but for what binary fractions add", () => {
  expect(plain(21.900000000000002)).toBe("21.9");
  expect(plain("a b")).toBe("a b");
  expect(plain({ a: 1 })).toBe('{"a":1}');
  expect(short(21.987654)).toBe("21.99");
  expect(short(0.0012)).toBe("0.0012");
});

test("counts and words", () => {
  expect(counted(1, "twin")).toBe("1 twin");
  expect(counted(48312, "event")).toBe("48,312 events");
  expect(millis(0.31)).toBe("0.3");
});

test("JSON is cut into pieces and loses nothing", () => {
  const text = JSON.stringify({ a: [1, 'x"y', null], "b:c": { d: -2.5e3 } }, null, 2);
  const pieces = jsonPieces(text);
  expect(pieces.map((piece) => piece.text).join("")).toBe(text);
  expect(pieces.filter((piece) => piece.look === "key").map((piece) => piece.text)).toEqual([
    '"a"',
    '"b:c"',
    '"d"',
  ]);
});
