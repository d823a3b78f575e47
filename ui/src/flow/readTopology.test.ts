import { expect, test } from "vitest";
import { playedTopology } from "../../tests/fixture-flow";
import { emptyDraft, topologyOf } from "./draft";
import { pathsOf, readTopology, writeTopology } from "./readTopology";

test("what is written is read back", () => {
  const read = readTopology(JSON.stringify(playedTopology, null, 2));
  expect("draft" in read && topologyOf(read.draft(emptyDraft))).toEqual(playedTopology);
});

test("what is written is JSON, with lists of names in filled lines", () => {
  const text = writeTopology(playedTopology);
  expect(JSON.parse(text)).toEqual(playedTopology);
  expect(text).toContain('"thermo_0001", "thermo_0002"');
  expect(text).toContain('"sinks": ["eh-audit"]');
  expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThan(140);
  const odd = {
    ...playedTopology,
    sources: { a: { kind: "iotHub" as const, devices: ['x",\n  "y', "]"], function: "" } },
  };
  expect(JSON.parse(writeTopology(odd))).toEqual(odd);
});

test("the texts of functions stay", () => {
  const read = readTopology("{}");
  const files = { "functions/a.rhai": "x" };
  expect("draft" in read && read.draft({ ...emptyDraft, files }).files).toBe(files);
});

test.each([
  ["{", 1, "not JSON yet"],
  ['{\n  "sources": {},\n  oops\n}', 3, "not JSON yet"],
  ["[]", 1, "is an object"],
  ['{\n  "sinkz": {}\n}', 2, "There is no part “sinkz”"],
  ['{\n  "routes": 7\n}', 2, "is an object"],
  ['{\n  "routes": {\n    "all": 7\n  }\n}', 3, "“all” is an object"],
  [
    '{\n  "sources": {\n    "a": {\n      "kind": "pigeon"\n    }\n  }\n}',
    4,
    "one of simulatedThermostats",
  ],
  ['{\n  "sources": {\n    "a": {\n      "kind": "iotHub"\n    }\n  }\n}', 3, "needs “devices”"],
  ['{\n  "routes": {\n    "all": { "endpoint": "eg" }\n  }\n}', 3, "needs “filter”"],
])("%j is told at line %i", (text, line, message) => {
  const read = readTopology(text);
  expect("mistake" in read && read.mistake).toMatchObject({ line, refused: true });
  expect("mistake" in read && read.mistake.message).toContain(message);
});

test("a path's line, or that of what holds it", () => {
  const line = pathsOf(JSON.stringify(playedTopology, null, 2));
  const lines = JSON.stringify(playedTopology, null, 2).split("\n");
  expect(lines[line("routes/telemetry/filter") - 1]).toContain("microsoft.iot.telemetry");
  expect(lines[line("routes/telemetry/nothing") - 1]).toContain('"telemetry": {');
  expect(line("nothing")).toBe(1);
});
