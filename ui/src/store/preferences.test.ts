import { expect, test } from "vitest";
import { plainEncoding } from "../graph/encoding/encoding";
import { defaults, readPreferences, targetKey } from "./preferences";

test("what was kept comes back", () => {
  const kept = {
    ...defaults,
    theme: "light",
    glow: false,
    hiddenNames: ["rel_next_to"],
    renderer: "canvas",
    views: [
      {
        target: "sample",
        selection: "Room_11",
        camera: { x: 1, y: 2, zoom: 0.5 },
        encoding: {
          ...plainEncoding,
          colour: "model",
          range: { low: 0, high: 1 },
          models: { "dtmi:a;1": "fan" },
          rules: [{ model: "", test: "above", than: 25, hue: 3, badge: "alert" }],
        },
        visibility: { only: null, hidden: ["Room_02"] },
      },
    ],
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
    views: [
      "a",
      {
        target: "sample",
        camera: { x: 1, y: 2, zoom: 0 },
        encoding: { colour: "pink", range: { low: 2, high: 1 }, rules: [1, { test: "above" }] },
      },
    ],
  };
  expect(readPreferences(JSON.stringify(odd))).toEqual({
    ...defaults,
    reduceMotion: true,
    hiddenNames: ["a"],
    views: [
      {
        target: "sample",
        selection: null,
        camera: null,
        encoding: {
          ...plainEncoding,
          rules: [{ model: "", test: "above", than: 0, hue: null, badge: "none" }],
        },
        visibility: null,
      },
    ],
  });
});

test("the name of a target holds no secret", () => {
  const credential = { kind: "token", token: "s3cret" } as const;
  const key = targetKey({ kind: "remote", endpoint: "https://a", ca: null, credential });
  expect(key).not.toContain("s3cret");
});
