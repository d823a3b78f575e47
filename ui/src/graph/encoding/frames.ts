import type { Scene } from "../scene";
import { mostCategories, type Scale } from "./measure";
import { firstOfScale, plain, scaleSteps } from "./table";

/** Sets what colour stands for all that is in a frame: the mean, or the most frequent category. */
export function paintFrames(scene: Scene, scale: Scale): void {
  const { frames, frameOf, paint, absent, framePaint } = scene;
  framePaint.fill(plain);
  if (scale.kind === "none" || frames.length === 0) return;
  const kinds = mostCategories + 1;
  const counts = new Uint32Array(frames.length * kinds);
  const sums = new Float64Array(frames.length);
  for (let at = 0; at < paint.length; at++) {
    const frame = frameOf[at] as number;
    const step = (paint[at] as number) - firstOfScale;
    // The owner of a frame may itself be a mean, and must not count twice.
    const owner = frames[frame]?.twin === at;
    if (frame < 0 || absent[at] || owner || step < 0 || step >= scaleSteps) continue;
    sums[frame] = (sums[frame] as number) + step;
    const kind = frame * kinds + (scale.kind === "categories" ? Math.min(step, kinds - 1) : 0);
    counts[kind] = (counts[kind] as number) + 1;
  }
  for (let frame = 0; frame < frames.length; frame++) {
    const own = counts.subarray(frame * kinds, (frame + 1) * kinds);
    const most = Math.max(...own);
    if (most === 0) continue;
    const step = scale.kind === "range" ? (sums[frame] as number) / most : own.indexOf(most);
    framePaint[frame] = firstOfScale + Math.round(step);
  }
}
