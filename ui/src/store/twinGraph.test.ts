import { expect, test } from "vitest";
import { graphMessage, type PlayedTwin } from "../../tests/graph-message";
import { TwinGraph } from "./twinGraph";

const twin = (row: number, more: Partial<PlayedTwin> = {}): PlayedTwin => ({
  row,
  id: "abcdefgh"[row] ?? "",
  value: 20,
  updated: 1,
  ...more,
});

const edge = { row: 0, source: 0, target: 1, name: 0 };
const feeds = [{ name: "feeds", count: 1, contains: false }];
const ids = (graph: TwinGraph) =>
  [...graph.rows.ids.keys()]
    .filter((row) => graph.rows.isShown(row))
    .map((row) => graph.rows.ids[row]);

function started(): TwinGraph {
  const graph = new TwinGraph();
  const twins = [twin(0), twin(1)];
  graph.apply(
    graphMessage({ revision: 1, startOver: true, relationshipNames: feeds, twins, edges: [edge] }),
  );
  return graph;
}

test("a fresh start replaces everything", () => {
  const graph = started();
  const message = graphMessage({ session: 2, startOver: true, twins: [twin(0, { id: "c" })] });
  expect(graph.apply(message)).toMatchObject({ replaced: true, structure: true, twins: [] });
  expect(ids(graph)).toEqual(["c"]);
  expect([graph.size, graph.relationshipCount, graph.session]).toEqual([1, 0, 2]);
});

test("a changed value is no change of structure", () => {
  const graph = started();
  const twins = [twin(0, { value: 20.5, updated: 2 })];
  const message = graphMessage({ twins });
  const none = new Uint32Array(0);
  const change = graph.apply({ ...message, twinRow: none, placeRow: none });
  expect(change).toMatchObject({
    replaced: false,
    structure: false,
    twins: [{ id: "a", before: 20, after: 20.5 }],
  });
  expect(graph.version).toBe(2);
});

test("another property's change is told though the value is the same", () => {
  const change = started().apply(graphMessage({ twins: [twin(0, { updated: 9 })] }));
  expect(change?.twins).toEqual([{ id: "a", before: 20, after: 20 }]);
});

test("what did not change, and what is new, says nothing of values", () => {
  const change = started().apply(graphMessage({ twins: [twin(0), twin(2)] }));
  expect(change?.twins).toEqual([]);
});

test("a message without rows is no change", () => {
  expect(started().apply(graphMessage({}))).toMatchObject({ structure: false, twins: [] });
});

test("a row is free once its twin is gone, and is taken again", () => {
  const graph = started();
  const gone = graph.apply(graphMessage({ goneEdges: [0], gone: [1] }));
  expect(gone?.related).toEqual(new Set(["a", "b"]));
  expect(ids(graph)).toEqual(["a"]);
  expect([graph.size, graph.relationshipCount]).toEqual([1, 0]);
  expect(graph.twin("b")).toBeUndefined();
  // In one message: the row is freed, then taken by another.
  graph.apply(graphMessage({ gone: [0], twins: [twin(0, { id: "z", x: 5, y: 7 })] }));
  expect(graph.twin("z")).toMatchObject({ row: 0, x: 5, y: 7 });
  expect(graph.has("a")).toBe(false);
});

test("a twin that has no place yet is not shown", () => {
  const graph = started();
  graph.apply(graphMessage({ twins: [twin(2, { unplaced: true })] }));
  expect(ids(graph)).toEqual(["a", "b"]);
  expect(graph.size).toBe(3);
  graph.apply(graphMessage({ twins: [twin(2, { x: 1 })] }));
  expect(ids(graph)).toEqual(["a", "b", "c"]);
});

test("hidden stays hidden through moves, until it is shown", () => {
  const graph = started();
  graph.hide((id) => id === "b" || id === "c");
  expect(graph.hiddenCount()).toBe(1);
  graph.apply(graphMessage({ twins: [twin(1, { x: 9, pinned: true })] }));
  expect(ids(graph)).toEqual(["a"]);
  graph.apply(graphMessage({ twins: [twin(2)] }));
  expect(ids(graph)).toEqual(["a"]);
  graph.hide(null);
  expect(ids(graph)).toEqual(["a", "b", "c"]);
  expect(graph.twin("b")).toMatchObject({ x: 9, pinned: true });
});

test("columns grow far beyond what was there", () => {
  const graph = started();
  graph.apply(graphMessage({ twins: [twin(5000, { id: "far", parent: 0, x: 3 })] }));
  expect(graph.twin("far")).toMatchObject({ row: 5000, parent: "a", x: 3 });
  expect(ids(graph)).toEqual(["a", "b", "far"]);
});

test("a message of another session is not mixed in", () => {
  const graph = started();
  expect(graph.apply(graphMessage({ session: 2, twins: [twin(2)] }))).toBeNull();
  expect(graph.size).toBe(2);
  expect(graph.session).toBe(1);
});
