import type { Scene } from "./scene";

const lasts = 300;
/** With more twins than this a new arrangement is there at once. */
const most = 20_000;
const easeInOut = (t: number): number => (t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2);

/** Twins on their way from one arrangement to the next, each straight. */
export class Glide {
  private constructor(
    private readonly scene: Scene,
    private readonly began: number,
    private readonly fromX: Float32Array,
    private readonly fromY: Float32Array,
    private readonly toX: Float32Array,
    private readonly toY: Float32Array,
  ) {}

  /** Begins where twins stood in the scene before; `null` where nothing moves. */
  static between(before: Scene, scene: Scene, now: number): Glide | null {
    const count = scene.ids.length;
    if (count > most) return null;
    const [fromX, fromY] = [scene.x.slice(), scene.y.slice()];
    let moves = false;
    for (let at = 0; at < count; at++) {
      if (before.ids[at] !== scene.ids[at] || before.absent[at] || scene.absent[at]) continue;
      fromX[at] = before.x[at] as number;
      fromY[at] = before.y[at] as number;
      moves ||= fromX[at] !== scene.x[at] || fromY[at] !== scene.y[at];
    }
    if (!moves) return null;
    return new Glide(scene, now, fromX, fromY, scene.x.slice(), scene.y.slice());
  }

  /** Puts every twin where it is now; answers whether they are still on their way. */
  step(now: number): boolean {
    const { scene, fromX, fromY, toX, toY } = this;
    const t = Math.min(1, Math.max(0, (now - this.began) / lasts));
    const share = easeInOut(t);
    for (let at = 0; at < fromX.length; at++) {
      const [x, y] = [fromX[at] as number, fromY[at] as number];
      scene.x[at] = t === 1 ? (toX[at] as number) : x + ((toX[at] as number) - x) * share;
      scene.y[at] = t === 1 ? (toY[at] as number) : y + ((toY[at] as number) - y) * share;
    }
    scene.grid.rebuild();
    scene.slots.forget();
    return t < 1;
  }
}
