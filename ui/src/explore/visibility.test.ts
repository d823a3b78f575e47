import { expect, test } from "vitest";
import {
  everything,
  fromKept,
  hide,
  isEverything,
  isolate,
  isSame,
  Steps,
  show,
  shows,
  toKept,
} from "./visibility";

test("what is hidden is not shown, until it is shown again", () => {
  const without = hide(everything, ["a", "b"]);
  expect(["a", "b", "c"].map((id) => shows(without, id))).toEqual([false, false, true]);
  expect(isEverything(without)).toBe(false);
  expect(isEverything(show(without, ["a", "b"]))).toBe(true);
});

test.each([
  [everything, show(everything, ["a"]), true],
  [isolate(["a", "b"]), isolate(["b", "a"]), true],
  [isolate(["a"]), everything, false],
  [isolate(["a"]), isolate(["b"]), false],
  [hide(everything, ["a"]), everything, false],
])("whether two show the same: %#", (one, other, same) => {
  expect(isSame(one, other)).toBe(same);
});

test("isolated twins can be joined by others", () => {
  const few = isolate(["a"]);
  expect([shows(few, "a"), shows(few, "b")]).toEqual([true, false]);
  expect(shows(show(few, ["b"]), "b")).toBe(true);
  expect(shows(hide(few, ["a"]), "a")).toBe(false);
});

test.each([
  everything,
  isolate(["a", "é"]),
  hide(everything, ["x"]),
  hide(isolate(["a", "b"]), ["b"]),
])("what is kept comes back: %#", (visibility) => {
  expect(fromKept(JSON.parse(JSON.stringify(toKept(visibility))))).toEqual(visibility);
});

test.each([null, 7, "x", {}, { only: [1], hidden: "a" }])("%o is everything", (kept) => {
  expect(isEverything(fromKept(kept))).toBe(true);
});

test("steps go back and forth; a new one ends the way forth", () => {
  const steps = new Steps(1);
  steps.go(2);
  steps.go(3);
  expect([steps.back(), steps.current, steps.back(), steps.back(), steps.current]).toEqual([
    true,
    2,
    true,
    false,
    1,
  ]);
  expect([steps.forward(), steps.current]).toEqual([true, 2]);
  steps.go(9);
  expect([steps.canGoForward, steps.back(), steps.current]).toEqual([false, true, 2]);
  const since = steps.since;
  steps.go(3);
  expect(steps.since).toBeGreaterThan(since);
  steps.back();
  expect(steps.since).toBe(since);
  steps.back();
  expect(steps.since).toBe(-Infinity);
});
