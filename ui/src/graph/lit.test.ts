import { expect, test } from "vitest";
import { FixtureHost } from "../../tests/fixture-host";
import { ask } from "../host/ask";
import { TwinGraph } from "../store/twinGraph";
import { makeScene } from "./gather";
import { litOf, maskOf } from "./lit";

async function building(): Promise<TwinGraph> {
  const graph = new TwinGraph();
  graph.apply(await ask(new FixtureHost(), { type: "graph", since: null }, "graph"));
  return graph;
}

const rows = (graph: TwinGraph, ...ids: string[]) =>
  Uint32Array.from(ids, (id) => graph.rowOf(id) ?? -1);

test("without relationships of their own, those between two matched twins are matched", async () => {
  const graph = await building();
  const scene = makeScene(graph, null, 0);
  const twins = maskOf(rows(graph, "Room_01", "Room_02", "thermo_0001"), graph.rows.count);
  const named = (edges: Uint8Array) =>
    [...edges.keys()]
      .filter((edge) => edges[edge] === 1)
      .map(
        (edge) => `${scene.ids[scene.source[edge] ?? -1]} ${scene.names[scene.name[edge] ?? -1]}`,
      );
  const { edges } = litOf({ twins, edges: null, hides: false }, scene);
  expect(named(edges).sort()).toEqual(["Room_01 rel_has_thermostat", "Room_01 rel_next_to"]);
  const own = maskOf(Uint32Array.of(scene.edgeRow[7] ?? 0), graph.edges.count);
  const some = litOf({ twins, edges: own, hides: false }, scene).edges;
  expect([...some.keys()].filter((edge) => some[edge] === 1)).toEqual([7]);
});

test("a filter that hides leaves only what it matches, and what relates it", async () => {
  const graph = await building();
  const twins = maskOf(rows(graph, "Room_01", "Room_02"), graph.rows.count);
  const scene = makeScene(graph, null, 0, { twins, edges: null, hides: true });
  const there = scene.ids.filter((_, at) => scene.absent[at] === 0);
  expect(there).toEqual(["Room_01", "Room_02"]);
  expect(scene.source.length).toBe(1);
  expect(scene.frames).toEqual([]);
});
