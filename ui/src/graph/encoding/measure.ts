import { count } from "../../look/format";
import type { TwinGraph } from "../../store/twinGraph";
import { type Course, scale as temperature } from "../scale";
import type { Scene } from "../scene";
import type { Encoding } from "./encoding";
import { firstOfScale } from "./table";

/** A property of every twin, as far as it is set, in the scene's order. */
export type Column =
  | { of: "numbers"; values: Float64Array }
  /** Places in `labels`, or -1. */
  | { of: "labels"; codes: Int32Array; labels: string[] };

/** What the colours mean. */
export type Scale =
  | { kind: "none" }
  | {
      kind: "range";
      title: string;
      unit: string;
      course: Course;
      low: number;
      high: number;
      bins: number[];
    }
  | { kind: "categories"; title: string; entries: Category[] };

export interface Category {
  label: string;
  /** Place in the table. */
  paint: number;
  count: number;
}

export const binCount = 24;
/** So many categories are told apart; the rest is one. */
export const mostCategories = 12;
const celsius = "°C";

/** What colours twins, and over which range. */
export function measure(
  scene: Scene,
  graph: Pick<TwinGraph, "kinds">,
  encoding: Encoding,
  column: Column | null,
): Scale {
  switch (encoding.colour) {
    case "value":
      return measureValues(scene, graph, encoding);
    case "property":
      return column ? measureColumn(column, encoding) : { kind: "none" };
    case "model":
      return {
        kind: "categories",
        title: "Model",
        entries: graph.kinds.map(({ name, count }, kind) => ({
          label: name,
          paint: paintOfCategory(kind),
          count,
        })),
      };
    case "change":
      return {
        kind: "range",
        title: "Changed, s ago",
        unit: "s",
        course: "heat",
        low: changeSpan,
        high: 0,
        bins: [],
      };
    case "none":
      return { kind: "none" };
  }
}

/** After so many seconds a change is cold. */
export const changeSpan = 30;

export const paintOfCategory = (place: number): number =>
  firstOfScale + Math.min(place, mostCategories);

function measureValues(scene: Scene, graph: Pick<TwinGraph, "kinds">, encoding: Encoding): Scale {
  const unit = commonUnit(scene);
  if (unit === null) return { kind: "none" };
  const number = scene.units.indexOf(unit);
  const own = (at: number) => scene.unit[at] === number && scene.meanOf[at] === 0;
  const values = scene.value.filter((value, at) => !Number.isNaN(value) && own(at));
  const isTemperature = unit === celsius;
  const range = encoding.range ?? (isTemperature ? temperature : rangeOf(values));
  const what = isTemperature ? "Temperature" : propertyOf(graph, unit);
  return {
    kind: "range",
    title: unit ? `${what}, ${unit}` : what,
    unit,
    course: isTemperature ? "diverging" : "rising",
    low: range.low,
    high: range.high,
    bins: binsOf(values, range.low, range.high),
  };
}

/** The property whose values have a unit; where there are several, it is just a value. */
function propertyOf({ kinds }: Pick<TwinGraph, "kinds">, unit: string): string {
  const measured = kinds.filter((kind) => kind.valueProperty !== null && kind.unit === unit);
  const [only, another] = new Set(measured.map((kind) => kind.valueProperty));
  return another === undefined ? (only ?? "Value") : "Value";
}

/** The unit that temperatures have where there are any, else the one that most values have. */
function commonUnit(scene: Scene): string | null {
  const counts = new Uint32Array(scene.units.length);
  for (let at = 0; at < scene.ids.length; at++) {
    const unit = scene.unit[at] as number;
    if (!Number.isNaN(scene.value[at])) counts[unit] = (counts[unit] as number) + 1;
  }
  const temperatures = scene.units.indexOf(celsius);
  if ((counts[temperatures] ?? 0) > 0) return celsius;
  const most = Math.max(0, ...counts);
  return most > 0 ? (scene.units[counts.indexOf(most)] ?? null) : null;
}

function measureColumn(column: Column, encoding: Encoding): Scale {
  if (column.of === "numbers") {
    const values = column.values.filter((value) => !Number.isNaN(value));
    if (values.length === 0) return { kind: "none" };
    const range = encoding.range ?? rangeOf(values);
    const bins = binsOf(values, range.low, range.high);
    return { kind: "range", title: encoding.property, unit: "", course: "rising", ...range, bins };
  }
  const counts = new Uint32Array(column.labels.length);
  for (const code of column.codes) if (code >= 0) counts[code] = (counts[code] as number) + 1;
  const entries: Category[] = column.labels.slice(0, mostCategories).map((label, place) => ({
    label,
    paint: paintOfCategory(place),
    count: counts[place] as number,
  }));
  const rest = counts.subarray(mostCategories).reduce((sum, one) => sum + one, 0);
  if (rest > 0) {
    const label = `${count(column.labels.length - mostCategories)} others`;
    entries.push({ label, paint: paintOfCategory(mostCategories), count: rest });
  }
  return { kind: "categories", title: encoding.property, entries };
}

/** From the least to the greatest, but for the outermost hundredths. */
function rangeOf(values: Float64Array): { low: number; high: number } {
  const sorted = values.slice().sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  return low < high ? { low, high } : { low: low - 0.5, high: low + 0.5 };
}

/** How many values lie in each part of the scale; what is outside counts at its end. */
export function binsOf(values: Iterable<number>, low: number, high: number): number[] {
  const bins = new Array<number>(binCount).fill(0);
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low)) * binCount);
    const inside = Math.min(binCount - 1, Math.max(0, bin));
    bins[inside] = (bins[inside] ?? 0) + 1;
  }
  return bins;
}
