import { describe, expect, test } from "vitest";
import type { Topology } from "../wire/Topology";
import {
  change,
  type Draft,
  draftOf,
  duplicate,
  emptyDraft,
  freeName,
  idsOf,
  nameOf,
  nameProblem,
  put,
  remove,
  rename,
  specOf,
  topologyOf,
} from "./draft";

const topology: Topology = {
  sources: { hub: { kind: "iotHub", devices: ["a"], function: "ingest" } },
  functions: {
    ingest: { kind: "ingest", map: [] },
    mine: { kind: "rhai", sinks: ["series", "other"] },
    "to-series": { kind: "toTimeSeries", sink: "series" },
  },
  endpoints: { eg: { kind: "eventGrid" } },
  endpoints2019: { old: { kind: "eventHub", eventTypes: ["UdfCustom"], path: "old" } },
  routes: { all: { endpoint: "eg", filter: "true" } },
  subscriptions: {
    one: { endpoint: "eg", function: "mine" },
    two: { endpoint: "old", function: "mine" },
  },
  sinks: { series: { kind: "eventHub" }, other: { kind: "eventHub" } },
};
const files = { "functions/mine.rhai": "fn on_event(event) {}" };
const draft: Draft = draftOf(topology, files);

test("a draft says what its topology says; parts that are empty and may be absent are", () => {
  expect(topologyOf(draft)).toEqual(topology);
  const bare: Topology = {
    sources: {},
    functions: {},
    endpoints: {},
    routes: {},
    subscriptions: {},
  };
  expect(topologyOf(draftOf(bare, {}))).toEqual(bare);
  expect(draftOf(bare, {})).toEqual(emptyDraft);
});

test("ids", () => {
  expect(idsOf(draft)).toHaveLength(11);
  expect(nameOf("endpoints2019/old")).toEqual({ part: "endpoints2019", name: "old" });
  expect(nameOf("instance")).toBeNull();
  expect(nameOf("nothing/old")).toBeNull();
  expect(specOf(draft, "sources/constructor")).toBeNull();
});

test("edits make another value and leave the one before as it was", () => {
  const before = JSON.stringify(draft);
  change(draft, "routes/all", { filter: "x" });
  remove(draft, "endpoints/eg");
  rename(draft, "functions/mine", "yours");
  duplicate(draft, "sources/hub");
  expect(JSON.stringify(draft)).toBe(before);
});

test("a field that is undefined is taken away", () => {
  const named = change(draft, "endpoints/eg", { entity: "x" });
  expect(specOf(named, "endpoints/eg")).toEqual({ kind: "eventGrid", entity: "x" });
  expect(specOf(change(named, "endpoints/eg", { entity: undefined }), "endpoints/eg")).toEqual({
    kind: "eventGrid",
  });
});

describe("a new name", () => {
  test("of a function: sources, subscriptions and its file follow, and it keeps its place", () => {
    const renamed = rename(draft, "functions/mine", "yours");
    expect(Object.keys(renamed.parts.functions)).toEqual(["ingest", "yours", "to-series"]);
    expect(renamed.parts.subscriptions.one?.function).toBe("yours");
    expect(renamed.files).toEqual({ "functions/yours.rhai": files["functions/mine.rhai"] });
    expect(rename(draft, "functions/ingest", "in").parts.sources.hub?.function).toBe("in");
  });
  test("of an endpoint: routes and subscriptions follow", () => {
    const renamed = rename(draft, "endpoints/eg", "grid");
    expect(renamed.parts.routes.all?.endpoint).toBe("grid");
    expect(renamed.parts.subscriptions.one?.endpoint).toBe("grid");
    expect(rename(draft, "endpoints2019/old", "older").parts.subscriptions.two?.endpoint).toBe(
      "older",
    );
  });
  test("of a sink: functions follow", () => {
    const { functions } = rename(draft, "sinks/series", "ts").parts;
    expect(functions["to-series"]).toEqual({ kind: "toTimeSeries", sink: "ts" });
    expect(functions.mine).toEqual({ kind: "rhai", sinks: ["ts", "other"] });
  });
  test.each([
    ["endpoints/eg", "old", "already"],
    ["endpoints2019/old", "eg", "already"],
    ["routes/all", "a", "2 to 50"],
    ["routes/all", "-a-", "2 to 50"],
    ["routes/all", "a b", "2 to 50"],
    ["routes/all", "x".repeat(51), "2 to 50"],
  ])("%s cannot be “%s”", (id, name, why) => {
    expect(nameProblem(draft, id, name)).toContain(why);
  });
  test("its own, and a free one, are fine", () => {
    expect(nameProblem(draft, "routes/all", "all")).toBeNull();
    expect(nameProblem(draft, "routes/all", "all-2")).toBeNull();
  });
});

describe("without", () => {
  test("an endpoint: its subscriptions go, its routes lead nowhere", () => {
    const { parts } = remove(draft, "endpoints/eg");
    expect(Object.keys(parts.subscriptions)).toEqual(["two"]);
    expect(parts.routes.all?.endpoint).toBe("");
  });
  test("a function: who called it calls none, and its file goes", () => {
    const gone = remove(draft, "functions/mine");
    expect(gone.parts.subscriptions.one?.function).toBe("");
    expect(gone.files).toEqual({});
  });
  test("a function whose file another one uses: the file stays", () => {
    const shared = put(draft, "functions", "too", { kind: "rhai", file: "functions/mine.rhai" });
    expect(remove(shared, "functions/mine").files).toEqual(files);
  });
  test("a sink: functions no longer publish to it", () => {
    const { functions } = remove(draft, "sinks/series").parts;
    expect(functions["to-series"]).toEqual({ kind: "toTimeSeries", sink: "" });
    expect(functions.mine).toEqual({ kind: "rhai", sinks: ["other"] });
  });
});

describe("a copy", () => {
  test("of a source has no devices: each belongs to one", () => {
    const { draft: copied, id } = duplicate(draft, "sources/hub");
    expect(id).toBe("sources/hub-copy");
    expect(specOf(copied, id)).toEqual({ kind: "iotHub", devices: [], function: "ingest" });
  });
  test("of a function of one's own has a file of its own", () => {
    const { draft: copied } = duplicate(draft, "functions/mine");
    expect(copied.files["functions/mine-copy.rhai"]).toBe(files["functions/mine.rhai"]);
  });
  test("of a copy has yet another name", () => {
    const once = duplicate(draft, "routes/all").draft;
    expect(duplicate(once, "routes/all").id).toBe("routes/all-copy-2");
  });
});

test("a free name counts up, over both generations of endpoints", () => {
  expect(freeName(draft, "endpoints", "old")).toBe("old-2");
  expect(freeName(draft, "routes", "old")).toBe("old");
});
