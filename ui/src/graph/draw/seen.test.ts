import { expect, test } from "vitest";
import { graphs } from "../../../tests/drawing/graphs";
import { sceneOf } from "../scene";
import { mostImportant, Sight, visibleTwins } from "./seen";

const none = { get: () => undefined };
const size = { width: 800, height: 600 };

const sceneFrom = (graph: "building" | "network", count: number) =>
  sceneOf(graphs[graph](count), none);

/** The camera over the middle of a scene. */
function over({ bounds }: ReturnType<typeof sceneFrom>, zoom: number) {
  return { x: bounds.x + bounds.width / 2, y: bounds.y + bounds.height / 2, zoom };
}

test("the most important come in the order of the scene, never more than asked for", () => {
  const scene = sceneFrom("building", 2000);
  const all = Int32Array.from(scene.ids.keys());
  const chosen = mostImportant(scene, all, 60);
  expect(chosen).toHaveLength(60);
  expect([...chosen]).toEqual([...chosen].sort((a, b) => a - b));
  const least = Math.min(...Array.from(chosen, (at) => scene.importance[at] as number));
  const left = all.filter((at) => !chosen.includes(at));
  expect(Math.max(...Array.from(left, (at) => scene.importance[at] as number))).toBe(least);
  expect([...mostImportant(scene, all, 1e6)]).toEqual([...all]);
});

test("from far only the owners of frames stand for themselves, near every twin does", () => {
  const scene = sceneFrom("building", 10_000);
  const sight = new Sight(scene);
  const owners = new Set(scene.frames.map(({ twin }) => twin));
  const far = visibleTwins(scene, sight, over(scene, 0.01), size);
  expect(far.length).toBeGreaterThan(20);
  for (const at of far) expect(owners.has(at) || (scene.frameOf[at] as number) < 0).toBe(true);
  const near = visibleTwins(scene, sight, over(scene, 0.5), size);
  expect([...near].some((at) => !owners.has(at))).toBe(true);
});

test("clusters stand for twins where these would lie too close", () => {
  const scene = sceneFrom("network", 10_000);
  const sight = new Sight(scene);
  const look = (zoom: number) => sight.look(over(scene, zoom), size, new Set(), null, null);
  expect(look(0.05)).toMatchObject({ cloud: 1, far: 0 });
  expect(look(0.05).twins).toHaveLength(0);
  expect(look(0.05).edges).toHaveLength(0);
  expect(look(1).cloud).toBe(0);
  expect(look(1).twins.length).toBeGreaterThan(0);
  expect(sight.isFolded(over(scene, 0.05), 5)).toBe(true);
  expect(sight.isFolded(over(scene, 1), 5)).toBe(false);
});
