import { expect, test } from "vitest";
import { FixtureHost } from "../../../tests/fixture-host";
import { ask } from "../../host/ask";
import { TwinGraph } from "../../store/twinGraph";
import { makeScene } from "../gather";
import type { Scene } from "../scene";
import { apply } from "./apply";
import { columnOf } from "./column";
import { type Encoding, plainEncoding } from "./encoding";
import { type Column, measure, type Scale } from "./measure";
import { firstHue, firstOfScale, paintAt, plain } from "./table";

async function building(property?: string) {
  const host = new FixtureHost();
  const graph = new TwinGraph();
  graph.apply(await ask(host, { type: "graph", since: null }, "graph"));
  const scene = makeScene(graph, null, 0);
  const message = property && (await ask(host, { type: "property", name: property }, "property"));
  return { graph, scene, column: message ? columnOf(message, graph.rows.count) : null };
}

function wear(
  scene: Scene,
  graph: TwinGraph,
  part: Partial<Encoding>,
  column: Column | null,
  now = 0,
): Scale {
  const encoding = { ...plainEncoding, ...part };
  const scale = measure(scene, graph, encoding, column);
  const models = graph.kinds.map(({ model }) => model);
  apply(scene, encoding, scale, column, models, now);
  return scale;
}

const at = (scene: Scene, id: string) => scene.index.get(id) ?? -1;
const paintOf = (scene: Scene, id: string) => scene.paint[at(scene, id)];

test("a temperature has its place on the scale, and a frame the mean of what it holds", async () => {
  const { graph, scene } = await building();
  wear(scene, graph, {}, null);
  const room = at(scene, "Room_05");
  expect(scene.paint[room]).toBe(paintAt(((scene.value[room] ?? 0) - 15) / 12));
  const frame = scene.frameOf[room] ?? -1;
  const held = [...scene.paint.keys()].filter(
    (one) => scene.frameOf[one] === frame && scene.frames[frame]?.twin !== one,
  );
  const mean = held.reduce((sum, one) => sum + (scene.paint[one] ?? 0), 0) / held.length;
  expect(scene.framePaint[frame]).toBe(Math.round(mean));
});

test("a range that was set clamps what is outside", async () => {
  const { graph, scene } = await building();
  const scale = wear(scene, graph, { range: { low: 0, high: 1 } }, null);
  expect(scale).toMatchObject({ low: 0, high: 1 });
  expect(paintOf(scene, "Room_01")).toBe(paintAt(1));
});

test.each([
  { properties: ["pressure"], unit: "bar", title: "pressure, bar" },
  { properties: ["level"], unit: "", title: "level" },
  { properties: ["inlet", "outlet"], unit: "bar", title: "Value, bar" },
])("a scale is named $title", async ({ properties, unit, title }) => {
  const { graph, scene } = await building();
  const [like] = graph.kinds;
  if (!like) throw new Error("no kind");
  const kinds = properties.map((valueProperty) => ({ ...like, valueProperty, unit }));
  const units = scene.units.map((own) => (own === "°C" ? unit : own));
  expect(measure({ ...scene, units }, { kinds }, plainEncoding, null)).toMatchObject({ title });
});

test("a property of numbers is a range of its own, one of words has categories", async () => {
  const numbers = await building("humidity");
  const range = wear(
    numbers.scene,
    numbers.graph,
    { colour: "property", property: "humidity" },
    numbers.column,
  );
  expect(range).toMatchObject({ kind: "range", title: "humidity" });
  expect(paintOf(numbers.scene, "Room_01")).toBe(plain);
  expect(paintOf(numbers.scene, "thermo_0001")).toBeGreaterThan(plain);
  const words = await building("usage");
  const categories = wear(
    words.scene,
    words.graph,
    { colour: "property", property: "usage" },
    words.column,
  );
  expect(categories).toMatchObject({
    kind: "categories",
    entries: [{ label: "meeting", paint: firstOfScale, count: 24 }],
  });
  expect(paintOf(words.scene, "Room_01")).toBe(firstOfScale);
});

test("the first rule that holds decides on colour and badge", async () => {
  const { graph, scene } = await building();
  const rule = { model: "", test: "above", than: 0, hue: 2, badge: "check" } as const;
  const room = { ...rule, model: "dtmi:com:contoso:Room;1", hue: null, badge: "alert" } as const;
  wear(scene, graph, { rules: [room, rule] }, null);
  const [one, other] = [at(scene, "Room_01"), at(scene, "thermo_0001")];
  expect([scene.badge[one], scene.badge[other]]).toEqual([1, 2]);
  expect(scene.paint[other]).toBe(firstHue + 2);
  expect(scene.paint[one]).not.toBe(firstHue + 2);
});

test("size follows how many relationships a twin has", async () => {
  const { graph, scene } = await building();
  wear(scene, graph, { size: "relationships" }, null);
  const size = (id: string) => scene.scale[at(scene, id)] ?? 0;
  expect(size("Floor_1")).toBeGreaterThan(size("Room_04"));
  expect(size("Room_04")).toBeGreaterThan(size("thermo_0004"));
});

test("heat is full at a change, and cold after half a minute", async () => {
  const { graph, scene } = await building();
  const room = at(scene, "Room_01");
  scene.changedAt[room] = 1000;
  wear(scene, graph, { colour: "change" }, null, 1000);
  expect(scene.paint[room]).toBe(paintAt(1));
  wear(scene, graph, { colour: "change" }, null, 6000);
  expect(scene.paint[room]).toBe(paintAt(0.5));
  wear(scene, graph, { colour: "change" }, null, 32_000);
  expect(scene.paint[room]).toBe(plain);
});
