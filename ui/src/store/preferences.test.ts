import { expect, test } from "vitest";
import { defaults, readPreferences, targetKey } from "./preferences";

test("what was kept comes back", () => {
  const kept = {
    ...defaults,
    theme: "light",
    glow: false,
    hiddenNames: ["rel_next_to"],
    view: { target: "sample", selection: "Room_11", camera: { x: 1, y: 2, zoom: 0.5 } },
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
    view: { target: "sample", camera: { x: 1, y: 2, zoom: 0 } },
  };
  expect(readPreferences(JSON.stringify(odd))).toEqual({
    ...defaults,
    reduceMotion: true,
    hiddenNames: ["a"],
    view: { target: "sample", selection: null, camera: null },
  });
});

test("the name of a target holds no secret", () => {
  const credential = { kind: "token", token: "s3cret" } as const;
  const key = targetKey({ kind: "remote", endpoint: "https://a", ca: null, credential });
  expect(key).not.toContain("s3cret");
});
