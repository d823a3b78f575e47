import { expect, test } from "vitest";
import type { GraphDelta } from "../wire/GraphDelta";
import type { TwinNode } from "../wire/TwinNode";
import { TwinGraph } from "./twinGraph";

const twin = (id: string, more: Partial<TwinNode> = {}): TwinNode => ({
  id,
  kind: 0,
  name: null,
  x: 0,
  y: 0,
  pinned: false,
  parent: null,
  value: 20,
  updated: 1,
  ...more,
});

const delta = (more: Partial<GraphDelta> = {}): GraphDelta => ({
  session: 1,
  version: 2,
  startOver: false,
  kinds: null,
  relationshipNames: null,
  twins: [],
  removedTwins: [],
  relationships: [],
  removedRelationships: [],
  frames: null,
  ...more,
});

const edge = { key: "a/1", source: "a", target: "b", name: "feeds" };

function started(): TwinGraph {
  const graph = new TwinGraph();
  const twins = [twin("a"), twin("b")];
  graph.apply(delta({ version: 1, startOver: true, kinds: [], twins, relationships: [edge] }));
  return graph;
}

test("a fresh start replaces everything", () => {
  const graph = started();
  const change = graph.apply(delta({ session: 2, startOver: true, twins: [twin("c")] }));
  expect(change).toMatchObject({ replaced: true, structure: true });
  expect([...graph.twins.keys()]).toEqual(["c"]);
  expect(graph.relationships.size).toBe(0);
  expect(graph.session).toBe(2);
});

test("a changed value is no change of structure", () => {
  const graph = started();
  const change = graph.apply(delta({ twins: [twin("a", { value: 20.5, updated: 2 })] }));
  expect(change).toMatchObject({
    replaced: false,
    structure: false,
    twins: [{ id: "a", before: 20, after: 20.5 }],
  });
  expect(graph.version).toBe(2);
});

test("another property's change is told though the value is the same", () => {
  const change = started().apply(delta({ twins: [twin("a", { updated: 9 })] }));
  expect(change?.twins).toEqual([{ id: "a", before: 20, after: 20 }]);
});

test("what did not change says nothing", () => {
  expect(started().apply(delta({ twins: [twin("a")] }))).toMatchObject({
    structure: false,
    twins: [],
  });
});

test.each([{ x: 5 }, { parent: "b" }, { kind: 1 }, { pinned: true }])(
  "%o is a change of structure",
  (more) => {
    expect(started().apply(delta({ twins: [twin("a", more)] }))?.structure).toBe(true);
  },
);

test("removed and added parts are told with the twins that they touch", () => {
  const graph = started();
  const removed = graph.apply(delta({ removedRelationships: ["a/1"], removedTwins: ["b"] }));
  expect(removed?.structure).toBe(true);
  expect(removed?.related).toEqual(new Set(["a", "b"]));
  expect([...graph.twins.keys()]).toEqual(["a"]);
  expect(graph.relationships.size).toBe(0);
});

test("a delta of another session is not mixed in", () => {
  const graph = started();
  expect(graph.apply(delta({ session: 2, twins: [twin("x")] }))).toBeNull();
  expect(graph.twins.has("x")).toBe(false);
  expect(graph.session).toBe(1);
});
