import { expect, test } from "vitest";
import type { Topology } from "../wire/Topology";
import { draftOf, specOf } from "./draft";
import { fit, refusal, targetsOf, unwire, wireId, wireOf, wiresOf } from "./wiring";

const topology: Topology = {
  sources: { hub: { kind: "iotHub", devices: [], function: "ingest" } },
  functions: {
    ingest: { kind: "ingest", map: [] },
    parent: { kind: "propagateToParent", property: "a", relationship: "b", parentProperty: "c" },
    series: { kind: "toTimeSeries", sink: "out" },
    mine: { kind: "rhai" },
    hook: { kind: "webhook", url: "http://localhost" },
  },
  endpoints: { eg: { kind: "eventGrid" }, eh: { kind: "eventHub" } },
  endpoints2019: {
    old: { kind: "eventHub", eventTypes: ["UdfCustom"], path: "old" },
    raw: { kind: "eventHub", eventTypes: ["DeviceMessage"], path: "raw" },
  },
  routes: { all: { endpoint: "eg", filter: "true" }, open: { endpoint: "", filter: "true" } },
  subscriptions: { sub: { endpoint: "eg", function: "parent" } },
  sinks: { out: { kind: "eventHub" }, more: { kind: "eventHub" } },
};
const draft = draftOf(topology, {});

test("all wires, as the backend has them", () => {
  expect(wiresOf(draft).map(wireId).sort()).toEqual(
    [
      "sources/hub → functions/ingest",
      "functions/ingest → instance",
      "functions/parent → instance",
      "functions/series → sinks/out",
      "functions/mine → instance",
      "instance → routes/all",
      "routes/all → endpoints/eg",
      "instance → routes/open",
      "instance → endpoints2019/old",
      "sources/hub → endpoints2019/raw",
      "endpoints/eg → subscriptions/sub",
      "subscriptions/sub → functions/parent",
    ].sort(),
  );
  const wire = { from: "instance", to: "routes/all" };
  expect(wireOf(wireId(wire))).toEqual(wire);
  expect(wireOf("routes/all")).toBeNull();
});

test.each([
  ["sources/hub", "functions/mine", "sources/hub", { function: "mine" }],
  ["routes/open", "endpoints/eh", "routes/open", { endpoint: "eh" }],
  ["subscriptions/sub", "functions/series", "subscriptions/sub", { function: "series" }],
  ["endpoints/eh", "subscriptions/sub", "subscriptions/sub", { endpoint: "eh" }],
  [
    "endpoints/eh",
    "functions/series",
    "subscriptions/series",
    { endpoint: "eh", function: "series" },
  ],
  [
    "endpoints2019/old",
    "functions/mine",
    "subscriptions/mine",
    { endpoint: "old", function: "mine" },
  ],
  ["endpoints/eg", "functions/hook", "subscriptions/hook", { endpoint: "eg", function: "hook" }],
  ["instance", "endpoints/eh", "routes/to-eh", { endpoint: "eh", filter: "true" }],
  ["functions/series", "sinks/more", "functions/series", { sink: "more" }],
  ["functions/mine", "sinks/more", "functions/mine", { sinks: ["more"] }],
])("%s → %s", (from, to, changed, fields) => {
  const fits = fit(draft, from, to);
  expect("draft" in fits && specOf(fits.draft, changed)).toMatchObject(fields);
});

test.each([
  ["sources/hub", "functions/parent", "takes notifications"],
  ["sources/hub", "endpoints/eg", "go to a function"],
  ["sources/hub", "instance", "go to a function"],
  ["routes/all", "endpoints2019/old", "event types"],
  ["routes/all", "functions/parent", "leads to an endpoint"],
  ["instance", "routes/open", "already"],
  ["instance", "endpoints2019/old", "by their types"],
  ["instance", "functions/parent", "through a route"],
  ["endpoints/eg", "functions/ingest", "takes device messages"],
  ["endpoints/eg", "sinks/out", "by a subscription"],
  ["endpoints/eh", "functions/hook", "which Event Grid calls"],
  ["subscriptions/sub", "functions/ingest", "takes device messages"],
  ["subscriptions/sub", "endpoints/eg", "calls a function"],
  ["functions/parent", "instance", "already"],
  ["functions/series", "instance", "does not write"],
  ["functions/parent", "sinks/out", "publishes to no sink"],
  ["functions/mine", "endpoints/eg", "publishes to sinks"],
  ["sinks/out", "functions/mine", "where data leaves"],
  ["routes/all", "routes/all", "one node to another"],
])("%s → %s is refused", (from, to, why) => {
  expect(refusal(draft, from, to)).toContain(why);
});

test.each([
  ["sources/hub", "functions/ingest", "sources/hub", { function: "" }],
  ["routes/all", "endpoints/eg", "routes/all", { endpoint: "" }],
  ["subscriptions/sub", "functions/parent", "subscriptions/sub", { function: "" }],
  ["endpoints/eg", "subscriptions/sub", "subscriptions/sub", { endpoint: "" }],
  ["functions/series", "sinks/out", "functions/series", { sink: "" }],
])("%s → %s taken away", (from, to, changed, fields) => {
  const fits = unwire(draft, { from, to });
  expect("draft" in fits && specOf(fits.draft, changed)).toMatchObject(fields);
});

test.each([
  ["instance", "routes/all", "Delete the route"],
  ["instance", "endpoints2019/old", "Untick"],
  ["functions/parent", "instance", "Delete the function"],
])("%s → %s stays", (from, to, why) => {
  const fits = unwire(draft, { from, to });
  expect("refused" in fits && fits.refused).toContain(why);
});

test("what “Wire to” offers is what fits", () => {
  expect(targetsOf(draft, "sources/hub")).toEqual(["functions/ingest", "functions/mine"]);
  expect(targetsOf(draft, "routes/open")).toEqual(["endpoints/eg", "endpoints/eh"]);
  expect(targetsOf(draft, "functions/parent")).toEqual([]);
});
