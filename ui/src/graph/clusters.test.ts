import { expect, test } from "vitest";
import { graphs } from "../../tests/drawing/graphs";
import { type Clusters, cluster, clusterAt, clusterRect } from "./clusters";
import { sceneOf } from "./scene";

const none = { get: () => undefined };

/** Twins around some middles, as many around each, joined in a ring within each. */
function blobs(middles: [number, number][], each: number, reach: number) {
  const count = middles.length * each;
  const at = (twin: number) => {
    const [x, y] = middles[twin % middles.length] as [number, number];
    const [turn, away] = [twin * 2.39996, reach * Math.sqrt(twin / count)];
    return [x + Math.cos(turn) * away, y + Math.sin(turn) * away] as const;
  };
  const twins = Array.from({ length: count }, (_, twin) => twin);
  return {
    x: Float32Array.from(twins, (twin) => at(twin)[0]),
    y: Float32Array.from(twins, (twin) => at(twin)[1]),
    absent: new Uint8Array(count),
    frameOf: new Int32Array(count).fill(-1),
    importance: Float32Array.from(twins, (twin) => (twin < middles.length ? 9 : 1)),
    source: Int32Array.from(twins, (twin) => twin),
    target: Int32Array.from(twins, (twin) => (twin + 1) % count),
  };
}

const middles: [number, number][] = [
  [0, 0],
  [3000, 0],
  [0, 3000],
  [5000, 5000],
];

test("what lies apart is a cluster of its own, with its middle, its hub and its count", () => {
  const found = cluster(blobs(middles, 500, 600)) as Clusters;
  expect([...found.count]).toEqual([500, 500, 500, 500]);
  expect(new Set(found.hub)).toEqual(new Set([0, 1, 2, 3]));
  found.hub.forEach((hub, own) => {
    const [x, y] = middles[hub] as [number, number];
    expect(Math.hypot((found.x[own] as number) - x, (found.y[own] as number) - y)).toBeLessThan(60);
  });
  // Each twin is related to one of the next cluster: four pairs, and no others.
  const pairs = [];
  for (let at = 0; at < found.links.length; at += 3) pairs.push(found.links[at + 2]);
  expect(pairs).toEqual([500, 500, 500, 500]);
});

test("circles do not cover each other, and are found at their middle", () => {
  const found = cluster(blobs(middles, 500, 1600)) as Clusters;
  for (let one = 0; one < found.x.length; one++) {
    const middle = { x: found.x[one] as number, y: found.y[one] as number };
    expect(clusterAt(found, middle)).toBe(one);
    const rect = clusterRect(found, one);
    expect(rect.x + rect.width / 2).toBeCloseTo(middle.x);
    for (let other = 0; other < one; other++) {
      const away = Math.hypot(
        middle.x - (found.x[other] as number),
        middle.y - (found.y[other] as number),
      );
      expect(away).toBeGreaterThan((found.radius[one] as number) + (found.radius[other] as number));
    }
  }
  expect(clusterAt(found, { x: -1e6, y: 0 })).toBeNull();
});

test.each([
  ["few twins", () => blobs(middles, 20, 600)],
  ["twins spread evenly", () => ({ ...blobs([[0, 0]], 4000, 3000) })],
  ["all in one place", () => blobs([[0, 0]], 2000, 0)],
])("%s are no clusters", (_, make) => {
  expect(cluster(make())).toBeNull();
});

test("what is hidden or in a frame is in none", () => {
  const basis = blobs(middles, 500, 600);
  basis.absent[0] = 1;
  basis.frameOf[1] = 0;
  const { of, count } = cluster(basis) as Clusters;
  expect([of[0], of[1]]).toEqual([-1, -1]);
  expect(count.reduce((sum, own) => sum + own)).toBe(1998);
});

test("a graph without containment has them, a building has not", () => {
  expect(sceneOf(graphs.network(10_000), none).clusters?.count.length).toBeGreaterThan(8);
  expect(sceneOf(graphs.building(10_000), none).clusters).toBeNull();
});
