import type { Point } from "./camera";
import { circle, halfHeightOf, halfWidthOf, type Scene } from "./scene";

/** The twin at a drawing point, within `slack` units of its edge; the one on top wins. */
export function twinAt(scene: Scene, at: Point, slack: number): number | null {
  for (let index = scene.ids.length - 1; index >= 0; index--) {
    const dx = Math.abs(at.x - (scene.x[index] ?? 0));
    const dy = Math.abs(at.y - (scene.y[index] ?? 0));
    const shape = scene.shape[index];
    const width = halfWidthOf(shape) + slack;
    const height = halfHeightOf(shape) + slack;
    if (dx > width || dy > height) continue;
    if (shape !== circle || dx * dx + dy * dy <= width * width) return index;
  }
  return null;
}

export type Direction = "left" | "right" | "up" | "down";

const ways: Record<Direction, Point> = {
  left: { x: -1, y: 0 },
  right: { x: 1, y: 0 },
  up: { x: 0, y: -1 },
  down: { x: 0, y: 1 },
};

/**
 * The twin to go to from another in a direction: one that it is related to, if one lies there,
 * else the nearest. Lies there: within 45° of the direction.
 */
export function neighbour(scene: Scene, from: number, direction: Direction): number | null {
  const related = new Set<number>();
  for (let edge = 0; edge < scene.source.length; edge++) {
    if (scene.source[edge] === from) related.add(scene.target[edge] ?? -1);
    if (scene.target[edge] === from) related.add(scene.source[edge] ?? -1);
  }
  return (
    nearest(scene, from, ways[direction], (at) => related.has(at)) ??
    nearest(scene, from, ways[direction], () => true)
  );
}

function nearest(
  scene: Scene,
  from: number,
  way: Point,
  counts: (at: number) => boolean,
): number | null {
  let best: number | null = null;
  let least = Infinity;
  for (let at = 0; at < scene.ids.length; at++) {
    if (at === from || !counts(at)) continue;
    const dx = (scene.x[at] ?? 0) - (scene.x[from] ?? 0);
    const dy = (scene.y[at] ?? 0) - (scene.y[from] ?? 0);
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
