import { expect, test } from "vitest";
import { defaults, readPreferences } from "./preferences";

test("what was kept comes back", () => {
  const kept = {
    ...defaults,
    theme: "light",
    glow: false,
    hiddenNames: ["rel_next_to"],
    renderer: "canvas",
  };
  expect(readPreferences(JSON.stringify(kept))).toEqual(kept);
});

test.each([null, "", "no JSON", "7", "null"])("%j is a first start", (text) => {
  expect(readPreferences(text)).toEqual(defaults);
});

test("a part that does not fit is the default, the rest stays", () => {
  const odd = {
    theme: "pink",
    reduceMotion: true,
    hiddenNames: [1, "a"],
    renderer: 7,
  };
  expect(readPreferences(JSON.stringify(odd))).toEqual({
    ...defaults,
    reduceMotion: true,
    hiddenNames: ["a"],
  });
});
