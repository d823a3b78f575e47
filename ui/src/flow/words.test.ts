import { expect, test } from "vitest";
import { playedTopology } from "../../tests/fixture-flow";
import { draftOf, emptyDraft } from "./draft";
import { readKept, writeKept } from "./kept";
import { wireId } from "./wiring";
import {
  allLogWords,
  conditionsOf,
  kindWords,
  left,
  logWords,
  remarkOn,
  stateWords,
} from "./words";

const draft = draftOf(playedTopology, {});

test.each([
  ["true", []],
  ["type = 'Microsoft.DigitalTwins.Twin.Update'", [["type", "Twin update"]]],
  [
    "type = 'microsoft.iot.telemetry' AND $body.modelId = 'dtmi:com:contoso:Room;1'",
    [
      ["type", "Telemetry"],
      ["model", "Room"],
    ],
  ],
  ["STARTS_WITH(subject, 'thermo_002')", [["subject", "thermo_002…"]]],
  ["NOT ENDS_WITH(a, 'b')", [["", "NOT ENDS_WITH(a, 'b')"]]],
])("%s in short", (filter, expected) => {
  expect(conditionsOf(filter).map(({ subject, wanted }) => [subject, wanted])).toEqual(expected);
});

const now = Date.parse("2026-11-27T08:00:00Z");
test.each([
  ["2026-11-27T08:12:41Z", "12:41"],
  ["2026-11-27T09:02:03Z", "1:02:03"],
  ["2026-11-27T07:00:00Z", "0:00"],
  ["not a time", ""],
])("until %s there is %s left", (until, expected) => {
  expect(left(until, now)).toBe(expected);
});

test("states in words", () => {
  const until = "2026-11-27T08:12:41Z";
  expect(stateWords({ kind: "paused", until }, now)).toBe("Paused, 12:41 left");
  expect(stateWords({ kind: "retrying", attempt: 2, at: until }, now)).toBe("Retry 2 in 12:41");
  expect(stateWords({ kind: "secondaryKey" }, now)).toBe("On secondary key");
});

test.each([
  ["sources/iot-hub", "IoT Hub, 24 devices"],
  ["functions/ingest", "Ingest"],
  ["routes/to-parent", "Route, 2 conditions"],
  ["endpoints2019/eh-2019", "Event Hub, 2019"],
  ["instance", "Digital Twins instance"],
])("%s is %s", (id, words) => {
  expect(kindWords(draft, id)).toBe(words);
});

test.each([
  ["sources/iot-hub", "source:iot-hub"],
  ["functions/ingest", "function:ingest"],
  ["subscriptions/parent", "subscription:parent"],
  ["routes/to-parent", "route:to-parent"],
  ["endpoints/eg-twins", "endpoint:eg-twins"],
  ["endpoints2019/eh-2019", "endpoint:eh-2019"],
  ["sinks/eh-series", "sink:eh-series"],
  ["routes/not-there", null],
  ["instance", null],
  [
    wireId({ from: "routes/to-parent", to: "endpoints/eg-twins" }),
    "route:to-parent endpoint:eg-twins",
  ],
  [wireId({ from: "instance", to: "routes/to-parent" }), "route:to-parent"],
  [
    wireId({ from: "sources/iot-hub", to: "endpoints2019/eh-2019" }),
    "source:iot-hub endpoint:eh-2019",
  ],
  [
    wireId({ from: "functions/to-time-series", to: "sinks/eh-series" }),
    "function:to-time-series sink:eh-series",
  ],
  [wireId({ from: "routes/to-parent", to: "endpoints/not-there" }), null],
])("the log of %s has “%s”", (id, words) => {
  expect(logWords(draft, id)).toBe(words);
});

test.each([
  ["route:to-parent thermo", null],
  ["about:Room_14 ROUTE:To-Parent", null],
  ["route:to-parents", "There is no route “to-parents” in the topology at work."],
  ["temperature endpoint:", "There is no endpoint “” in the topology at work."],
  ["subscription:constructor", "There is no subscription “constructor” in the topology at work."],
  ["note:x http://y", null],
  [
    "endpoint:eh-2019",
    "Of “eh-2019”, an endpoint of 2019, the log has messages of devices, what functions sent it, and what it could not do. Its figures are on the canvas.",
  ],
])("where “%s” takes nothing", (filter, remark) => {
  expect(remarkOn(draft, filter)).toBe(remark);
});

test("the log's words for nodes", () => {
  const words = allLogWords(draft);
  expect(words).toContain("endpoint:eh-2019");
  expect(words.every((word) => remarkOn(emptyDraft, word) !== null)).toBe(true);
});

test("what was kept of a canvas comes back; what does not fit is left out", () => {
  const kept = {
    places: { "routes/a": { x: 1, y: 2 } },
    viewport: { x: 1, y: 2, zoom: 0.5 },
    overview: true,
    edits: { draft, base: emptyDraft },
  };
  expect(readKept(JSON.parse(JSON.stringify(writeKept(kept))))).toEqual(kept);
  expect(
    readKept({
      places: { a: { x: "1", y: 2 }, b: 7 },
      viewport: { x: 1, y: 2, zoom: 0 },
      edits: { draft: 7 },
    }),
  ).toEqual({
    places: {},
    viewport: null,
    overview: false,
    edits: null,
  });
  expect(readKept(null)).toEqual({ places: {}, viewport: null, overview: false, edits: null });
});
