import type { Point } from "./camera";
import { largestScale } from "./encoding/apply";
import { circle, halfHeightOf, halfWidthOf, type Scene, widest } from "./scene";

let room = new Int32Array(0);

/** Indexes of twins about a point; the array is used again by the next call. */
function about(scene: Scene, at: Point, reach: number): Int32Array {
  if (room.length < scene.ids.length) room = new Int32Array(scene.ids.length);
  const rect = { x: at.x - reach, y: at.y - reach, width: 2 * reach, height: 2 * reach };
  return room.subarray(0, scene.grid.within(rect, room));
}

/** The twin at a drawing point, within `slack` units of its edge; the one on top wins. */
export function twinAt(scene: Scene, at: Point, slack: number): number | null {
  const near = about(scene, at, widest * largestScale + slack);
  for (let place = near.length - 1; place >= 0; place--) {
    const index = near[place] as number;
    if (scene.absent[index]) continue;
    const dx = Math.abs(at.x - (scene.x[index] as number));
    const dy = Math.abs(at.y - (scene.y[index] as number));
    const [shape, scale] = [scene.shape[index], scene.scale[index] as number];
    const width = halfWidthOf(shape) * scale + slack;
    const height = halfHeightOf(shape) * scale + slack;
    if (dx > width || dy > height) continue;
    if (shape !== circle || dx * dx + dy * dy <= width * width) return index;
  }
  return null;
}

/** The innermost frame around a drawing point. */
export function frameAt(scene: Scene, at: Point): number | null {
  let found: number | null = null;
  // Frames stand outer ones first.
  scene.frames.forEach(({ x, y, width, height }, frame) => {
    if (at.x >= x && at.y >= y && at.x <= x + width && at.y <= y + height) found = frame;
  });
  return found;
}

/** The twins whose middle is in a polygon of drawing points. */
export function twinsWithin(scene: Scene, polygon: readonly Point[]): number[] {
  const [xs, ys] = [polygon.map(({ x }) => x), polygon.map(({ y }) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const rect = { x: left, y: top, width: Math.max(...xs) - left, height: Math.max(...ys) - top };
  if (room.length < scene.ids.length) room = new Int32Array(scene.ids.length);
  const near = room.subarray(0, scene.grid.within(rect, room));
  return [...near].filter(
    (at) => !scene.absent[at] && contains(polygon, scene.x[at] as number, scene.y[at] as number),
  );
}

/** Whether a ray from the point to the right crosses the polygon an odd number of times. */
function contains(polygon: readonly Point[], x: number, y: number): boolean {
  let inside = false;
  let before = polygon.at(-1);
  for (const corner of polygon) {
    if (before && corner.y > y !== before.y > y) {
      const crossing = corner.x + ((y - corner.y) / (before.y - corner.y)) * (before.x - corner.x);
      if (x < crossing) inside = !inside;
    }
    before = corner;
  }
  return inside;
}

export type Direction = "left" | "right" | "up" | "down";

const ways: Record<Direction, Point> = {
  left: { x: -1, y: 0 },
  right: { x: 1, y: 0 },
  up: { x: 0, y: -1 },
  down: { x: 0, y: 1 },
};

/** So far is looked for a neighbour at first, drawing units; then four times as far, and so on. */
const firstReach = 400;

/**
 * The twin to go to from another in a direction: one that it is related to, if one lies there,
 * else the nearest. Lies there: within 45° of the direction.
 */
export function neighbour(scene: Scene, from: number, direction: Direction): number | null {
  const { links, source, target } = scene;
  const own = links.edges.subarray(links.start[from], links.start[from + 1]);
  const related = Int32Array.from(own, (edge) =>
    source[edge] === from ? (target[edge] as number) : (source[edge] as number),
  );
  const way = ways[direction];
  const found = nearest(scene, from, way, related);
  if (found !== null) return found;
  const at = { x: scene.x[from] as number, y: scene.y[from] as number };
  const farthest = Math.max(scene.bounds.width, scene.bounds.height, firstReach);
  for (let reach = firstReach; reach < 8 * farthest; reach *= 4) {
    const next = nearest(scene, from, way, about(scene, at, reach));
    if (next !== null) return next;
  }
  return null;
}

function nearest(scene: Scene, from: number, way: Point, among: Int32Array): number | null {
  let best: number | null = null;
  let least = Infinity;
  for (const at of among) {
    if (at === from || scene.absent[at]) continue;
    const dx = (scene.x[at] as number) - (scene.x[from] as number);
    const dy = (scene.y[at] as number) - (scene.y[from] as number);
    const along = dx * way.x + dy * way.y;
    const aside = Math.abs(dx * way.y) + Math.abs(dy * way.x);
    if (along <= 0 || aside > along) continue;
    // What lies straight ahead counts as nearer than what lies aside.
    const distance = along + 2 * aside;
    if (distance < least) {
      least = distance;
      best = at;
    }
  }
  return best;
}
