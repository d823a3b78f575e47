import { expect, test } from "vitest";
import { brackets } from "./brackets";

const traces = (text: string) => [...text].map((trace) => ({ trace: trace.trim() }));

test.each([
  ["aaab", ["first", "middle", "last", "alone"]],
  ["aab", ["first", "last", "alone"]],
  ["aabb", ["first", "last", "first", "last"]],
  ["aba", ["alone", "alone", "alone"]],
  ["  ", ["alone", "alone"]],
  ["", []],
])("%j", (text, expected) => {
  expect(brackets(traces(text))).toEqual(expected);
});
