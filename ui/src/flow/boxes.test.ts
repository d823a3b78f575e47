import { expect, test } from "vitest";
import { playedTopology } from "../../tests/fixture-flow";
import {
  arrange,
  type Box,
  boxesOf,
  freePlace,
  nodesOf,
  placedFreely,
  placesFor,
  shownBy,
} from "./boxes";
import { draftOf, emptyDraft, put, theInstance } from "./draft";
import { extentOf, wirePaths } from "./wirePaths";

const draft = draftOf(playedTopology, {});
const boxes = arrange(draft);
const at = (id: string): Box => boxes.get(id) ?? { x: Number.NaN, y: 0, width: 0, height: 0 };

const apart = (a: Box, b: Box): boolean =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

test("every node has its place, and none lies on another", () => {
  expect([...boxes.keys()].sort()).toEqual(nodesOf(draft).sort());
  const all = [...boxesOf(draft, {})];
  for (const [id, a] of all) {
    for (const [other, b] of all) {
      if (id === other) continue;
      expect(apart(a, b), `${id} lies on ${other}`).toBe(true);
    }
  }
});

test("layers from left to right, sinks below their functions", () => {
  const xs = [
    "sources/iot-hub",
    "functions/ingest",
    theInstance,
    "routes/audit",
    "endpoints/sb-audit",
    "functions/archive",
  ].map((id) => at(id).x);
  expect(xs).toEqual([...xs].sort((a, b) => a - b));
  expect(at("sinks/eh-series").x).toBe(at("functions/to-time-series").x);
  expect(at("sinks/eh-series").y).toBeGreaterThan(at("functions/to-time-series").y);
});

test("a subscription is a row of its endpoint, or a node where it has none", () => {
  expect(shownBy(draft, "subscriptions/parent")).toBe("endpoints/eg-twins");
  const open = put(draft, "subscriptions", "open", { endpoint: "", function: "" });
  expect(shownBy(open, "subscriptions/open")).toBe("subscriptions/open");
  expect(arrange(open).has("subscriptions/open")).toBe(true);
});

test("the empty topology is the instance", () => {
  expect([...boxesOf(emptyDraft, {}).keys()]).toEqual([theInstance]);
});

test("what a person placed stays there; places of nodes that are gone are forgotten", () => {
  const places = { "routes/audit": { x: 7, y: 9 }, "routes/gone": { x: 0, y: 0 } };
  expect(boxesOf(draft, places).get("routes/audit")).toMatchObject({ x: 7, y: 9 });
  expect(placesFor(draft, places)).toEqual({ "routes/audit": { x: 7, y: 9 } });
});

test("the spine is as tall as what hangs on it, so that wires run straight from it", () => {
  const shown = boxesOf(draft, {});
  const wires = wirePaths(draft, shown);
  for (const wire of wires.filter(({ from }) => from === theInstance)) {
    expect(wire.start[1], wire.id).toBe(wire.tip[1]);
  }
});

test("feedback runs above everything, each on a lane of its own", () => {
  const shown = boxesOf(draft, {});
  const wires = wirePaths(draft, shown);
  const lanes = wires.filter(({ feedback }) => feedback).map(({ label }) => label[1]);
  expect(new Set(lanes).size).toBe(2);
  expect(Math.max(...lanes)).toBeLessThan(0);
  const { y, height } = extentOf(shown, wires);
  expect(y).toBeLessThan(Math.min(...lanes));
  expect(y + height).toBeGreaterThan(0);
});

test("a wire ends where its node is, wherever that was put", () => {
  for (const x of [-600, 0, 700, 1400]) {
    const shown = boxesOf(draft, { "endpoints/eg-twins": { x, y: 300 } });
    const wire = wirePaths(draft, shown).find(({ to }) => to === "endpoints/eg-twins");
    expect(wire?.tip).toEqual([x - 4, 322]);
    expect(wire?.path).not.toContain("NaN");
  }
});

test("a wire between nodes that stand close goes straight across, its rate above the lower", () => {
  const at = (y: number, gap: number) => {
    const route = { x: 900, y: 400 };
    const width = boxesOf(draft, { "routes/to-parent": route }).get("routes/to-parent")?.width ?? 0;
    const grid = { x: 900 + width + gap, y };
    const shown = boxesOf(draft, { "routes/to-parent": route, "endpoints/eg-twins": grid });
    return wirePaths(draft, shown).find(({ from }) => from === "routes/to-parent");
  };
  const lowest = (path = "") =>
    Math.max(...[...path.matchAll(/-?[\d.]+ (-?[\d.]+)/g)].map(([, y]) => Number(y)));
  for (const gap of [16, 24, 39]) {
    expect(lowest(at(400, gap)?.path)).toBe(422);
    expect(lowest(at(460, gap)?.path)).toBe(482);
    expect(at(400, gap)).toMatchObject({ label: [expect.any(Number), 394], anchor: "middle" });
    expect(at(460, gap)).toMatchObject({ label: [expect.any(Number), 454], anchor: "start" });
    expect(at(300, gap)).toMatchObject({ label: [expect.any(Number), 394], anchor: "end" });
  }
  expect(lowest(at(400, 8)?.path), "too close for an arrow: around them").toBeGreaterThan(450);
});

test("a wire that leads back up does not cross its own rate", () => {
  const labelAt = (y: number) => {
    const places = { "routes/to-parent": { x: 900, y: 400 }, "endpoints/eg-twins": { x: 860, y } };
    const wires = wirePaths(draft, boxesOf(draft, places));
    const wire = wires.find(({ from }) => from === "routes/to-parent");
    return (wire?.label[0] ?? Number.NaN) - (wire?.start[0] ?? 0);
  };
  // It turns 18 pixels beside the port.
  expect(labelAt(100)).toBeGreaterThan(18);
  expect(labelAt(800)).toBe(8);
});

test("what is dropped on others goes to the nearest free place", () => {
  const size = { width: 100, height: 60 };
  const others = [
    { x: 0, y: 0, ...size },
    { x: 0, y: 100, ...size },
  ];
  expect(freePlace({ x: 300, y: 10, ...size }, others)).toEqual({ x: 300, y: 10 });
  expect(freePlace({ x: 90, y: 10, ...size }, others)).toEqual({ x: 116, y: 10 });
  expect(freePlace({ x: 4, y: 150, ...size }, others)).toEqual({ x: 4, y: 176 });
});

test("a node that is put onto another is beside it; where nobody put it the arrangement does", () => {
  const [route, endpoint] = ["routes/audit", "endpoints/sb-audit"];
  const { x, y } = at(endpoint);
  const places = placedFreely(draft, {}, route, { x: x + 10, y });
  const all = [...boxesOf(draft, places)].filter(([id]) => id !== route);
  const own = boxesOf(draft, places).get(route) as Box;
  expect(places[route]).not.toEqual({ x: x + 10, y });
  for (const [id, box] of all) {
    expect(apart(own, box), `${route} lies on ${id}`).toBe(true);
  }
  expect(placedFreely(draft, {}, route)).toEqual({});
});
