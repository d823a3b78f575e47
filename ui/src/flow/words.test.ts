import { expect, test } from "vitest";
import { playedTopology } from "../../tests/fixture-flow";
import { draftOf, emptyDraft } from "./draft";
import { readKept, writeKept } from "./kept";
import { conditionsOf, kindWords, left, logWords, stateWords } from "./words";

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
  ["sources/iot-hub", "device message"],
  ["functions/ingest", "ingest"],
  ["subscriptions/parent", "propagate-to-parent"],
  ["routes/to-parent", "twin update"],
  ["endpoints/eg-twins", null],
  ["instance", null],
])("the log of %s has “%s”", (id, words) => {
  expect(logWords(draft, id)).toBe(words);
});

test("what was kept of a canvas comes back; what does not fit is left out", () => {
  const kept = {
    places: { "routes/a": { x: 1, y: 2 } },
    viewport: { x: 1, y: 2, zoom: 0.5 },
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
    edits: null,
  });
  expect(readKept(null)).toEqual({ places: {}, viewport: null, edits: null });
});
