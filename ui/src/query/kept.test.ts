import { expect, test } from "vitest";
import { mostTabs, readTabs } from "./kept";

test("what was kept comes back", () => {
  const kept = {
    tabs: [
      { name: "Warm ones", text: "SELECT * FROM DIGITALTWINS", live: true },
      { name: null, text: "", live: false },
    ],
    at: 1,
  };
  expect(readTabs(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
});

test.each([null, 7, "x", [], {}, { tabs: "a", at: 3 }, { tabs: [1, null] }])(
  "%j is no tab",
  (kept) => {
    expect(readTabs(kept)).toEqual({ tabs: [], at: 0 });
  },
);

test("a part that does not fit is left out, and so are tabs beyond the last", () => {
  const odd = { tabs: [{ name: " ", text: 7, live: "yes" }], at: 5 };
  expect(readTabs(odd)).toEqual({ tabs: [{ name: null, text: "", live: false }], at: 0 });
  const many = { tabs: Array.from({ length: 99 }, () => ({ text: "a" })), at: 0 };
  expect(readTabs(many).tabs).toHaveLength(mostTabs);
});
