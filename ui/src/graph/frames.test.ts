import { expect, test } from "vitest";
import { pauseFor } from "./frames";

test.each([
  [4, 50],
  [16, 64],
  [45, 180],
  [400, 250],
])("frames of %d ms come every %d ms", (cost, pause) => {
  expect(pauseFor(cost)).toBeCloseTo(pause);
});
