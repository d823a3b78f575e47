import type { Scene } from "./scene";

const deepest = 32;

/** Own values; then each twin without one gets the mean of the nearest values that it contains. */
export function spreadValues(scene: Scene): void {
  const { own, value, meanOf, unit, kind, unitOfKind, parent } = scene;
  const sums = new Float64Array(own.length);
  meanOf.fill(0);
  for (let at = 0; at < own.length; at++) {
    value[at] = own[at] as number;
    unit[at] = unitOfKind[kind[at] as number] ?? 0;
  }
  for (let at = 0; at < own.length; at++) {
    const mine = own[at] as number;
    if (Number.isNaN(mine) || scene.absent[at]) continue;
    let up = parent[at] as number;
    for (let depth = 0; up >= 0 && depth < deepest; depth++) {
      if (!Number.isNaN(own[up])) break;
      sums[up] = (sums[up] as number) + mine;
      meanOf[up] = (meanOf[up] as number) + 1;
      unit[up] = unit[at] as number;
      up = parent[up] as number;
    }
  }
  for (let at = 0; at < own.length; at++) {
    const of = meanOf[at] as number;
    if (of > 0) value[at] = (sums[at] as number) / of;
  }
}
