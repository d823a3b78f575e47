import { expect, test } from "vitest";
import { untilBeat } from "./beat";

test.each([
  [100, 0, 1234, 66],
  [500, 0, 1234, 266],
  [100, 0, 1200, 100],
  [50, 180, 1234, 216],
  [50, 0, 1249.5, 50.5],
])("every %d ms, %d ms from now at the earliest, at %d: in %d ms", (every, least, now, wait) => {
  expect(untilBeat(every, least, now)).toBeCloseTo(wait);
});
