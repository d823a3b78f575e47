import type { Point } from "../camera";
import { circle, hexagon } from "../scene";

/** How far apart relationships between the same two twins run, and how large a self loop is. */
export const bendStep = 16;
export const loopSize = 9;
export const loopGrowth = 5;
/** Into so many straight pieces a bent relationship is cut. */
export const pieces = 12;

/** How far a shape reaches from its middle in a direction of length 1. As in `shaders.ts`. */
export function reach(shape: number, halfX: number, halfY: number, dx: number, dy: number): number {
  if (shape === circle) return halfX;
  const ax = Math.abs(dx);
  const ay = Math.abs(dy);
  // A hexagon is flat at the top; its slanted sides run from (halfX, 0) to (halfX / 2, halfY).
  if (shape === hexagon) {
    return Math.min(halfY / ay, halfX / (ax + (ay * halfX) / (2 * halfY)));
  }
  return Math.min(halfX / ax, halfY / ay);
}

/** Where the corner of a shape is, as parts of its half size: the middle of its self loops. */
export const cornerOf = (shape: number): number =>
  shape === circle ? 0.7 : shape === hexagon ? 0.75 : 1;

/** An end of a relationship on the screen. */
export interface End {
  x: number;
  y: number;
  halfX: number;
  halfY: number;
  shape: number;
}

/** The way of a relationship between the edges of its two shapes, as points in pixels. */
export class Route {
  readonly points = new Float64Array(2 * (pieces + 1));
  count = 0;
  private readonly out: Point = { x: 0, y: 0 };
  private readonly back: Point = { x: 0, y: 0 };

  /** Goes from one end to the other; answers whether there is anything to see. */
  go(from: End, to: End, bend: number, loop: boolean, scale: number, gap: number): boolean {
    this.count = 0;
    if (loop) return this.around(from, bend, scale);
    const wayX = to.x - from.x;
    const wayY = to.y - from.y;
    const length = Math.hypot(wayX, wayY);
    if (length < 1) return false;
    const bow = (2 * bend * bendStep * scale) / length;
    const middleX = (from.x + to.x) / 2 - wayY * bow;
    const middleY = (from.y + to.y) / 2 + wayX * bow;
    const { out, back } = this;
    leave(from, middleX, middleY, 0, out);
    leave(to, middleX, middleY, gap, back);
    if ((back.x - out.x) * wayX + (back.y - out.y) * wayY <= 0) return false;
    if (bend === 0) {
      // What runs straight up or across is sharp on the middle of pixels.
      if (Math.abs(out.x - back.x) < 0.05) out.x = back.x = Math.floor(out.x) + 0.5;
      if (Math.abs(out.y - back.y) < 0.05) out.y = back.y = Math.floor(out.y) + 0.5;
      this.add(out.x, out.y);
      this.add(back.x, back.y);
      return true;
    }
    for (let piece = 0; piece <= pieces; piece++) {
      const t = piece / pieces;
      const [a, b, c] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
      this.add(a * out.x + b * middleX + c * back.x, a * out.y + b * middleY + c * back.y);
    }
    return true;
  }

  /** Three quarters of a circle about the upper right corner. */
  private around(end: End, turn: number, scale: number): boolean {
    const radius = (loopSize + loopGrowth * (turn - 1)) * scale;
    const corner = cornerOf(end.shape);
    const [x, y] = [end.x + end.halfX * corner, end.y - end.halfY * corner];
    for (let piece = 0; piece <= pieces; piece++) {
      const angle = Math.PI * (1 + (1.5 * piece) / pieces);
      this.add(x + Math.cos(angle) * radius, y + Math.sin(angle) * radius);
    }
    return true;
  }

  private add(x: number, y: number): void {
    this.points[2 * this.count] = x;
    this.points[2 * this.count + 1] = y;
    this.count++;
  }
}

function leave(end: End, towardsX: number, towardsY: number, gap: number, at: Point): void {
  const length = Math.hypot(towardsX - end.x, towardsY - end.y) || 1;
  const dx = (towardsX - end.x) / length;
  const dy = (towardsY - end.y) / length;
  const off = reach(end.shape, end.halfX, end.halfY, dx, dy) + gap;
  at.x = end.x + dx * off;
  at.y = end.y + dy * off;
}
