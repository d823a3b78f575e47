import { expect, test } from "vitest";
import { FixtureHost } from "../../tests/fixture-host";
import { ask } from "../host/ask";
import { TwinGraph } from "../store/twinGraph";
import { labelThatFits } from "./draw/text/labels";
import { plainEncoding } from "./encoding/encoding";
import { measure } from "./encoding/measure";
import { makeScene, updateScene } from "./gather";
import { neighbour, twinAt } from "./hit";
import { type Scene, unitOf } from "./scene";

async function building(): Promise<{ host: FixtureHost; graph: TwinGraph; scene: Scene }> {
  const host = new FixtureHost();
  const graph = new TwinGraph();
  graph.apply(await ask(host, { type: "graph", since: null }, "graph"));
  return { host, graph, scene: makeScene(graph, null, 0) };
}

const indexOf = (scene: Scene, id: string) => scene.index.get(id) ?? -1;
const idOf = (scene: Scene, at: number | null) => scene.ids[at ?? -1];

test("a twin without a value has the mean of the nearest values that it contains", async () => {
  const { graph, scene } = await building();
  const twins = [...graph.rows.ids.keys()].map((row) => graph.twinAt(row));
  const rooms = twins.filter((twin) => twin?.parent === "Floor_2");
  const mean = rooms.reduce((sum, room) => sum + (room?.value ?? 0), 0) / rooms.length;
  const floor = indexOf(scene, "Floor_2");
  expect(scene.value[floor]).toBeCloseTo(mean);
  expect(scene.meanOf[floor]).toBe(8);
  expect(scene.meanOf[indexOf(scene, "Building_1")]).toBe(24);
  expect(scene.meanOf[indexOf(scene, "Room_11")]).toBe(0);
  expect(unitOf(scene, floor)).toBe("°C");
});

test("what a frame shows is no line", async () => {
  const { scene } = await building();
  const framed = (name: string) =>
    [...scene.name.keys()]
      .filter((edge) => scene.names[scene.name[edge] ?? 0] === name)
      .map((edge) => scene.framed[edge]);
  expect(new Set(framed("contains"))).toEqual(new Set([1]));
  expect(new Set(framed("rel_has_thermostat"))).toEqual(new Set([0]));
});

test("the frame of frames is only an outline, and drawn first", async () => {
  const { scene } = await building();
  expect(scene.frames.map((frame) => frame.outer)).toEqual([true, false, false, false]);
});

test("a change in place glows, and a rearranged scene goes on glowing", async () => {
  const { graph, scene } = await building();
  const room = indexOf(scene, "Room_03");
  expect(scene.changedAt[room]).toBe(-Infinity);
  const change = {
    replaced: false,
    structure: false,
    twins: [{ id: "Room_03", before: 20, after: 20.5 }],
    related: new Set<string>(),
    message: null,
  };
  updateScene(scene, graph, change, 1234);
  expect(scene.changedAt[room]).toBe(1234);
  expect(scene.difference[room]).toBeCloseTo(0.5);
  const repeated = { ...change, twins: [{ id: "Room_04", before: 20, after: 20.01 }] };
  updateScene(scene, graph, repeated, 1234);
  expect(scene.changedAt[indexOf(scene, "Room_04")]).toBe(-Infinity);
  const again = makeScene(graph, scene, 1300);
  expect(again.changedAt[indexOf(again, "Room_03")]).toBe(1234);
});

test("a twin is hit within its shape only", async () => {
  const { graph, scene } = await building();
  const room = graph.twin("Room_11");
  const thermostat = graph.twin("thermo_0011");
  if (!room || !thermostat) throw new Error("the fixture has both");
  expect(idOf(scene, twinAt(scene, { x: room.x + 35, y: room.y - 15 }, 0))).toBe("Room_11");
  expect(twinAt(scene, { x: room.x + 38, y: room.y }, 0)).toBeNull();
  expect(idOf(scene, twinAt(scene, { x: room.x + 38, y: room.y }, 3))).toBe("Room_11");
  // The corner of a circle's box is not in the circle.
  expect(twinAt(scene, { x: thermostat.x + 16, y: thermostat.y + 16 }, 0)).toBeNull();
});

test("arrow keys follow relationships, else go to the nearest twin there", async () => {
  const { scene } = await building();
  const room = indexOf(scene, "Room_11");
  expect(idOf(scene, neighbour(scene, room, "down"))).toBe("thermo_0011");
  expect(idOf(scene, neighbour(scene, room, "right"))).toBe("Room_12");
  expect(idOf(scene, neighbour(scene, room, "left"))).toBe("Room_10");
  expect(idOf(scene, neighbour(scene, indexOf(scene, "thermo_0011"), "right"))).toBe("thermo_0012");
  expect(neighbour(scene, indexOf(scene, "thermo_0008"), "right")).toBeNull();
});

test("the histogram counts each measured temperature once", async () => {
  const { graph, scene } = await building();
  const scale = measure(scene, graph, plainEncoding, null);
  if (scale.kind !== "range") throw new Error("temperatures have a range");
  expect([scale.low, scale.high, scale.unit]).toEqual([15, 27, "°C"]);
  expect(scale.bins).toHaveLength(24);
  expect(scale.bins.reduce((sum, bin) => sum + bin, 0)).toBe(48);
});

test("a label is whole, or its end, or nothing", () => {
  expect(labelThatFits("thermo_0001", 100, 12)).toBe("thermo_0001");
  expect(labelThatFits("thermo_0001", 50, 12)).toBe("…_0001");
  expect(labelThatFits("thermo_0001", 20, 12)).toBe("");
});
