import { expect, test } from "vitest";
import { plainEncoding } from "../graph/encoding/encoding";
import { readView, type View } from "./view";

test("what was kept comes back", () => {
  const kept: View = {
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
    flow: { places: {}, viewport: null },
    queries: { tabs: [], at: 0 },
  };
  expect(readView(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
});

const plain: View = {
  selection: null,
  camera: null,
  encoding: plainEncoding,
  visibility: null,
  flow: null,
  queries: null,
};

test.each([null, undefined, 7, "a", [], {}])("%j is a first look", (kept) => {
  expect(readView(kept)).toEqual(plain);
});

test("a part that does not fit is the default, the rest stays", () => {
  const odd = {
    selection: "a",
    camera: { x: 1, y: 2, zoom: 0 },
    encoding: { colour: "pink", range: { low: 2, high: 1 }, rules: [1, { test: "above" }] },
  };
  expect(readView(odd)).toEqual({
    ...plain,
    selection: "a",
    encoding: {
      ...plainEncoding,
      rules: [{ model: "", test: "above", than: 0, hue: null, badge: "none" }],
    },
  });
});
