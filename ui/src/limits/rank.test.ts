import { expect, test } from "vitest";
import type { LimitUse } from "../wire/LimitUse";
import { amount, percent, ranked, share } from "./rank";

const limit = (name: string, change: Partial<LimitUse>): LimitUse => ({
  name,
  area: "Digital twins",
  what: name,
  kind: "held",
  unit: "items",
  most: 100,
  now: 0,
  highest: 0,
  refused: 0,
  refusedLately: 0,
  twin: null,
  source: "test",
  ...change,
});

test("what is refused or near its limit comes first", () => {
  const limits = [
    limit("unknown", { now: null, highest: null }),
    limit("low", { highest: 1 }),
    limit("none", { most: null, highest: 1000 }),
    limit("near", { highest: 99 }),
    limit("refused", { highest: 10, refusedLately: 2 }),
  ];
  const names = ranked(limits).map((one) => one.name);
  expect(names).toEqual(["refused", "near", "low", "unknown", "none"]);
  expect(share(limit("over", { most: 10, highest: 12 }))).toBe(1.2);
});

test.each([
  [2_000_000, "items", "2,000,000"],
  [32_768, "bytes", "32 KB"],
  [1_536, "bytes", "1.5 KB"],
  [1_048_576, "bytes", "1 MB"],
  [312, "bytes", "312"],
  [8_000, "characters", "8,000"],
] as const)("%d %s is %s", (value, unit, words) => {
  expect(amount(value, unit)).toBe(words);
});

test.each([
  [0, "0 %"],
  [0.00001, "< 0.1 %"],
  [0.005, "0.5 %"],
  [0.5, "50 %"],
  [0.999, "99 %"],
  [1, "100 %"],
])("%d is %s", (part, words) => {
  expect(percent(part)).toBe(words);
});
