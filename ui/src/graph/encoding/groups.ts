import type { Scene } from "../scene";
import { mostCategories, type Scale } from "./measure";
import { firstOfScale, plain, scaleSteps } from "./table";

/** Sets what colour stands for all in a frame or a cluster: the mean, or the most frequent category. */
export function paintGroups(scene: Scene, scale: Scale): void {
  const { frames, frameOf, framePaint, clusters } = scene;
  // The owner of a frame may itself be a mean, and must not count twice.
  paint(scene, scale, frameOf, framePaint, (at, frame) => frames[frame]?.twin === at);
  if (clusters) paint(scene, scale, clusters.of, clusters.paint, () => false);
}

function paint(
  scene: Scene,
  scale: Scale,
  groupOf: Int32Array,
  paints: Uint8Array,
  isOwner: (at: number, group: number) => boolean,
): void {
  paints.fill(plain);
  if (scale.kind === "none" || paints.length === 0) return;
  const kinds = mostCategories + 1;
  const counts = new Uint32Array(paints.length * kinds);
  const sums = new Float64Array(paints.length);
  for (let at = 0; at < groupOf.length; at++) {
    const group = groupOf[at] as number;
    const step = (scene.paint[at] as number) - firstOfScale;
    if (group < 0 || scene.absent[at] || step < 0 || step >= scaleSteps) continue;
    if (isOwner(at, group)) continue;
    sums[group] = (sums[group] as number) + step;
    const kind = group * kinds + (scale.kind === "categories" ? Math.min(step, kinds - 1) : 0);
    counts[kind] = (counts[kind] as number) + 1;
  }
  for (let group = 0; group < paints.length; group++) {
    const own = counts.subarray(group * kinds, (group + 1) * kinds);
    const most = Math.max(...own);
    if (most === 0) continue;
    const step = scale.kind === "range" ? (sums[group] as number) / most : own.indexOf(most);
    paints[group] = firstOfScale + Math.round(step);
  }
}
