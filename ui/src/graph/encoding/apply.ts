import type { Scene } from "../scene";
import { badges, type Encoding, type Rule } from "./encoding";
import { paintGroups } from "./groups";
import { type Column, changeSpan, paintOfCategory, type Scale } from "./measure";
import { firstHue, hueCount, paintAt, plain } from "./table";

/** How many times as large as its shape a twin may be. */
const smallest = 0.6;
export const largestScale = 1.9;

/** Sets colour, size and badge of every twin; answers whether any of them is another than before. */
export function apply(
  scene: Scene,
  encoding: Encoding,
  scale: Scale,
  column: Column | null,
  models: readonly string[],
  now: number,
): boolean {
  const rules = encoding.rules.map((rule) => ({ ...rule, kind: models.indexOf(rule.model) }));
  const paintOf = painter(scene, encoding, scale, column, now);
  const scaleOf = sizer(scene, encoding);
  let changed = false;
  for (let at = 0; at < scene.ids.length; at++) {
    const rule = rules.length > 0 ? ruleOf(scene, rules, at) : undefined;
    const hue = rule?.hue ?? null;
    const paint = hue === null ? paintOf(at) : firstHue + (hue % hueCount);
    const size = Math.fround(scaleOf(at));
    if (scene.paint[at] !== paint || scene.scale[at] !== size) changed = true;
    scene.paint[at] = paint;
    scene.scale[at] = size;
    scene.badge[at] = rule ? badges.indexOf(rule.badge) : 0;
  }
  paintGroups(scene, scale);
  return changed;
}

function painter(
  scene: Scene,
  encoding: Encoding,
  scale: Scale,
  column: Column | null,
  now: number,
): (at: number) => number {
  if (scale.kind === "none") return () => plain;
  if (scale.kind === "categories") {
    if (encoding.colour === "model") return (at) => paintOfCategory(scene.kind[at] as number);
    if (column?.of !== "labels") return () => plain;
    const { codes } = column;
    return (at) => ((codes[at] ?? -1) < 0 ? plain : paintOfCategory(codes[at] as number));
  }
  if (encoding.colour === "change") {
    return (at) => {
      const age = (now - (scene.changedAt[at] as number)) / 1000;
      return age >= changeSpan ? plain : paintAt(2 ** (-age / (changeSpan / 6)));
    };
  }
  const { low, high } = scale;
  const span = high - low || 1;
  const share = (value: number) => (Number.isNaN(value) ? plain : paintAt((value - low) / span));
  if (column?.of === "numbers") return (at) => share(column.values[at] ?? Number.NaN);
  const { unit } = scale;
  const number = scene.units.indexOf(unit);
  return (at) => (scene.unit[at] === number ? share(scene.value[at] as number) : plain);
}

function sizer(scene: Scene, encoding: Encoding): (at: number) => number {
  if (encoding.size === "model") return () => 1;
  const between = (share: number) =>
    smallest + (largestScale - smallest) * Math.min(1, Math.max(0, share));
  if (encoding.size === "relationships") {
    const { start } = scene.links;
    const degree = (at: number) => (start[at + 1] as number) - (start[at] as number);
    let most = 1;
    for (let at = 0; at < scene.ids.length; at++) most = Math.max(most, degree(at));
    const all = Math.log2(1 + most);
    return (at) => between(Math.log2(1 + degree(at)) / all);
  }
  let [low, high] = [Infinity, -Infinity];
  for (const value of scene.value) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const span = high - low || 1;
  return (at) => {
    const value = scene.value[at] as number;
    return Number.isNaN(value) ? 1 : between((value - low) / span);
  };
}

function ruleOf(scene: Scene, rules: (Rule & { kind: number })[], at: number): Rule | undefined {
  return rules.find(
    (rule) =>
      (rule.model === "" || rule.kind === scene.kind[at]) && holds(rule, scene.value[at] as number),
  );
}

function holds({ test, than }: Rule, value: number): boolean {
  switch (test) {
    case "above":
      return value > than;
    case "below":
      return value < than;
    case "equals":
      return value === than;
    case "missing":
      return Number.isNaN(value);
  }
}
