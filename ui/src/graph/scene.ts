import { onNode } from "../look/format";
import { noRow } from "../store/rows";
import type { GraphChange, TwinGraph, TwinNode } from "../store/twinGraph";
import type { Shape } from "../wire/Shape";
import type { Rect } from "./camera";

/** Shapes as they stand in `Scene.shape`. */
export const hexagon = 0;
export const rectangle = 1;
export const circle = 2;
const shapeNumbers: Record<Shape, number> = { hexagon, rectangle, circle };

/** Half the size of each shape, in drawing units. */
const halfWidth = [20, 36, 18] as const;
const halfHeight = [17, 16, 18] as const;

export const halfWidthOf = (shape: number | undefined): number => halfWidth[shape ?? 0] ?? 20;
export const halfHeightOf = (shape: number | undefined): number => halfHeight[shape ?? 0] ?? 17;

/** Room around the outermost nodes for their labels. */
const labelRoom = 24;
const deepest = 32;
const celsius = "°C";

export interface SceneFrame extends Rect {
  /** Whether it holds other frames: then it is only an outline. */
  outer: boolean;
}

/** The graph as the drawing needs it: one row per twin, in arrays. */
export interface Scene {
  ids: string[];
  index: Map<string, number>;
  x: Float32Array;
  y: Float32Array;
  shape: Uint8Array;
  kind: Uint32Array;
  /** Own value, or the mean of what the twin contains; NaN for none. */
  value: Float64Array;
  /** Of how many twins `value` is the mean; 0 where it is the twin's own. */
  meanOf: Uint32Array;
  /** The unit of `value`. */
  unit: string[];
  /** Whether `value` is a temperature in °C and has a colour of the scale. */
  temperature: Uint8Array;
  /** When it changed, by the clock of `performance.now()`; -Infinity for long ago. */
  changedAt: Float64Array;
  /** By how much the value changed then. */
  difference: Float32Array;
  /** Free width for a label, in drawing units: the distance to the next twin in its row. */
  slot: Float32Array;
  /** Index of the twin that contains it, or -1. */
  parent: Int32Array;
  source: Int32Array;
  target: Int32Array;
  /** Index into `names`. */
  name: Uint16Array;
  /** 1 where a frame already shows the relationship. */
  framed: Uint8Array;
  names: string[];
  frames: SceneFrame[];
  bounds: Rect;
}

/** Arranges the graph anew; what glowed in the scene before goes on glowing. */
export function makeScene(graph: TwinGraph, before: Scene | null, now: number): Scene {
  const twins = shownTwins(graph);
  const count = twins.length;
  const index = new Map(twins.map((twin, at) => [twin.id, at]));
  const scene: Scene = {
    ids: twins.map((twin) => twin.id),
    index,
    x: Float32Array.from(twins, (twin) => twin.x),
    y: Float32Array.from(twins, (twin) => twin.y),
    shape: Uint8Array.from(twins, (twin) => shapeNumbers[graph.kindOf(twin)?.shape ?? "circle"]),
    kind: Uint32Array.from(twins, (twin) => twin.kind),
    value: new Float64Array(count),
    meanOf: new Uint32Array(count),
    unit: new Array<string>(count).fill(""),
    temperature: new Uint8Array(count),
    changedAt: new Float64Array(count).fill(-Infinity),
    difference: new Float32Array(count),
    slot: new Float32Array(count).fill(Infinity),
    parent: Int32Array.from(twins, (twin) => index.get(twin.parent ?? "") ?? -1),
    ...edgesOf(graph, index),
    frames: framesOf(graph),
    bounds: { x: 0, y: 0, width: 0, height: 0 },
  };
  carryGlow(scene, before, now);
  takeValues(scene, graph);
  measureSlots(scene);
  scene.bounds = boundsOf(scene);
  return scene;
}

/** Takes values over that changed in place. */
export function updateScene(
  scene: Scene,
  graph: TwinGraph,
  change: GraphChange,
  now: number,
): void {
  for (const { id, before, after } of change.twins) {
    const at = scene.index.get(id);
    if (at === undefined || looksSame(before, after)) continue;
    scene.changedAt[at] = now;
    scene.difference[at] = before === null || after === null ? 0 : after - before;
  }
  takeValues(scene, graph);
}

/** Whether a twin that shows a value still shows the same: a repeated report is no news. */
const looksSame = (before: number | null, after: number | null): boolean =>
  before !== null && after !== null && onNode(before) === onNode(after);

function shownTwins(graph: TwinGraph): TwinNode[] {
  const twins: TwinNode[] = [];
  for (let row = 0; row < graph.rows.count; row++) {
    const twin = graph.rows.isShown(row) ? graph.twinAt(row) : undefined;
    if (twin) twins.push(twin);
  }
  return twins;
}

function carryGlow(scene: Scene, before: Scene | null, now: number): void {
  if (!before) return;
  for (const [id, at] of scene.index) {
    const was = before.index.get(id);
    scene.changedAt[at] = was === undefined ? now : (before.changedAt[was] ?? -Infinity);
    scene.difference[at] = was === undefined ? 0 : (before.difference[was] ?? 0);
  }
}

function edgesOf(graph: TwinGraph, index: Map<string, number>) {
  const { rows, edges } = graph;
  const containing = graph.relationshipNames.map((name) => name.contains);
  const frameOwners = new Set(graph.frames.map((frame) => frame.row));
  const at = (row: number) => index.get(rows.ids[row] ?? "") ?? -1;
  const source: number[] = [];
  const target: number[] = [];
  const name: number[] = [];
  const framed: number[] = [];
  for (let row = 0; row < edges.count; row++) {
    const [from, to] = [edges.source(row), edges.target(row)];
    if (from === noRow || !rows.isShown(from) || !rows.isShown(to)) continue;
    const of = edges.name[row] ?? 0;
    source.push(at(from));
    target.push(at(to));
    name.push(of);
    framed.push(containing[of] && frameOwners.has(from) && rows.parent[to] === from ? 1 : 0);
  }
  return {
    source: Int32Array.from(source),
    target: Int32Array.from(target),
    name: Uint16Array.from(name),
    framed: Uint8Array.from(framed),
    names: graph.relationshipNames.map((each) => each.name),
  };
}

function framesOf(graph: TwinGraph): SceneFrame[] {
  const { rows } = graph;
  const outer = new Set(graph.frames.map((frame) => rows.parent[frame.row] ?? noRow));
  const shown = graph.frames.filter((frame) => rows.isShown(frame.row));
  const area = (frame: Rect) => frame.width * frame.height;
  return shown
    .map(({ row, x, y, width, height }) => ({ x, y, width, height, outer: outer.has(row) }))
    .sort((a, b) => area(b) - area(a));
}

/** Own values; then each twin without one gets the mean of the nearest values that it contains. */
function takeValues(scene: Scene, graph: TwinGraph): void {
  const count = scene.ids.length;
  const sums = new Float64Array(count);
  scene.meanOf.fill(0);
  scene.value.fill(Number.NaN);
  for (let at = 0; at < count; at++) {
    const twin = graph.twin(scene.ids[at] ?? "");
    if (!twin || twin.value === null) continue;
    scene.value[at] = twin.value;
    setUnit(scene, at, graph.kindOf(twin)?.unit ?? "");
  }
  for (let at = 0; at < count; at++) {
    const value = scene.value[at] ?? Number.NaN;
    if (Number.isNaN(value) || scene.meanOf[at]) continue;
    let up = scene.parent[at] ?? -1;
    for (let depth = 0; up >= 0 && depth < deepest; depth++) {
      const twin = graph.twin(scene.ids[up] ?? "");
      if (twin?.value !== null) break;
      sums[up] = (sums[up] ?? 0) + value;
      scene.meanOf[up] = (scene.meanOf[up] ?? 0) + 1;
      setUnit(scene, up, scene.unit[at] ?? "");
      up = scene.parent[up] ?? -1;
    }
  }
  for (let at = 0; at < count; at++) {
    const of = scene.meanOf[at] ?? 0;
    if (of > 0) scene.value[at] = (sums[at] ?? 0) / of;
  }
}

function setUnit(scene: Scene, at: number, unit: string): void {
  scene.unit[at] = unit;
  scene.temperature[at] = unit === celsius ? 1 : 0;
}

const sameRow = 12;

function measureSlots(scene: Scene): void {
  const { x, y, slot } = scene;
  const order = [...scene.ids.keys()].sort((a, b) => (y[a] ?? 0) - (y[b] ?? 0));
  let row: number[] = [];
  const finishRow = () => {
    row.sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0));
    for (let place = 1; place < row.length; place++) {
      const [left = 0, right = 0] = [row[place - 1], row[place]];
      const gap = (x[right] ?? 0) - (x[left] ?? 0);
      slot[left] = Math.min(slot[left] ?? gap, gap);
      slot[right] = Math.min(slot[right] ?? gap, gap);
    }
  };
  for (const at of order) {
    const first = row[0];
    if (first !== undefined && (y[at] ?? 0) - (y[first] ?? 0) > sameRow) {
      finishRow();
      row = [];
    }
    row.push(at);
  }
  finishRow();
}

function boundsOf(scene: Scene): Rect {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const include = (x0: number, y0: number, x1: number, y1: number) => {
    left = Math.min(left, x0);
    top = Math.min(top, y0);
    right = Math.max(right, x1);
    bottom = Math.max(bottom, y1);
  };
  for (const frame of scene.frames) {
    include(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height);
  }
  for (let at = 0; at < scene.ids.length; at++) {
    const [x = 0, y = 0] = [scene.x[at], scene.y[at]];
    const width = halfWidthOf(scene.shape[at]) + 4;
    const height = halfHeightOf(scene.shape[at]);
    const above = scene.shape[at] === rectangle;
    include(
      x - width,
      y - height - (above ? labelRoom : 4),
      x + width,
      y + height + (above ? 4 : labelRoom),
    );
  }
  return left > right
    ? { x: 0, y: 0, width: 1, height: 1 }
    : { x: left, y: top, width: right - left, height: bottom - top };
}
