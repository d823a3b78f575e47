import type { Shape } from "../wire/Shape";
import type { Rect } from "./camera";
import { type Derived, derive } from "./derived";
import { Slots } from "./slots";
import { spreadValues } from "./values";

/** Shapes as they stand in `Scene.shape`. */
export const hexagon = 0;
export const rectangle = 1;
export const circle = 2;
export const shapeNumbers: Record<Shape, number> = { hexagon, rectangle, circle };

/** Half the width and half the height of each shape, in drawing units. */
export const halfSizes = [20, 17, 36, 16, 18, 18] as const;
/** Half the width of the widest. */
export const widest = 36;

export const halfWidthOf = (shape: number | undefined): number => halfSizes[2 * (shape ?? 0)] ?? 20;
export const halfHeightOf = (shape: number | undefined): number =>
  halfSizes[2 * (shape ?? 0) + 1] ?? 17;

/** Room around the outermost nodes for their labels. */
const labelRoom = 24;

export interface SceneFrame extends Rect {
  /** Whose parts it holds; -1 where that twin is not in the scene. */
  twin: number;
  /** Whether it holds other frames: then it is only an outline. */
  outer: boolean;
}

/** What a scene is made from: one row per twin and per relationship, in arrays. */
export interface Basis {
  ids: string[];
  /** Names for people; empty where there is none. */
  labels: string[];
  /** 1 for a twin that is not drawn. */
  absent: Uint8Array;
  x: Float32Array;
  y: Float32Array;
  shape: Uint8Array;
  kind: Uint16Array;
  /** Index of the twin that contains it, or -1. */
  parent: Int32Array;
  /** The twin's own value; NaN for none. */
  own: Float64Array;
  /** Units of values, and which one each kind of twin has. */
  units: string[];
  unitOfKind: Uint16Array;
  source: Int32Array;
  target: Int32Array;
  /** Index into `names`. */
  name: Uint16Array;
  /** 1 where a frame already shows the relationship. */
  framed: Uint8Array;
  /** Its row in the graph. */
  edgeRow: Int32Array;
  names: string[];
  /** Outer ones first. */
  frames: SceneFrame[];
}

/** The graph as the drawing needs it. */
export interface Scene extends Basis, Derived {
  /** Where a twin stands in the arrays, by id. */
  index: TwinIndex;
  /** Own value, or the mean of what the twin contains; NaN for none. */
  value: Float64Array;
  /** Of how many twins `value` is the mean; 0 where it is the twin's own. */
  meanOf: Uint32Array;
  /** The unit of `value`: an index into `units`. */
  unit: Uint16Array;
  /** When it changed, by the clock of `performance.now()`; -Infinity for long ago. */
  changedAt: Float64Array;
  /** By how much the value changed then. */
  difference: Float32Array;
  /** Free width for labels. */
  slots: Slots;
  bounds: Rect;
  /** Colour: a place in the table of the encoding. */
  paint: Uint8Array;
  /** The colour of each frame as an aggregate of what it holds. */
  framePaint: Uint8Array;
  /** How many times as large as its shape. */
  scale: Float32Array;
  /** Place in `badges`; 0 for none. */
  badge: Uint8Array;
}

export interface TwinIndex {
  get(id: string): number | undefined;
}

export function sceneOf(basis: Basis, index: TwinIndex): Scene {
  const count = basis.ids.length;
  const derived = derive(basis);
  const scene: Scene = {
    ...basis,
    ...derived,
    index,
    value: new Float64Array(count),
    meanOf: new Uint32Array(count),
    unit: new Uint16Array(count),
    changedAt: new Float64Array(count).fill(-Infinity),
    difference: new Float32Array(count),
    slots: new Slots(basis.x, basis.y, derived.grid),
    bounds: boundsOf(basis, () => true, basis.frames) ?? { x: 0, y: 0, width: 1, height: 1 },
    paint: new Uint8Array(count),
    framePaint: new Uint8Array(basis.frames.length),
    scale: new Float32Array(count).fill(1),
    badge: new Uint8Array(count),
  };
  spreadValues(scene);
  return scene;
}

/** The unit of a twin's value, or empty. */
export const unitOf = (scene: Scene, at: number): string =>
  scene.units[scene.unit[at] as number] ?? "";

/** A twin was put elsewhere. */
export function moveTwin(scene: Scene, at: number, x: number, y: number): void {
  scene.x[at] = x;
  scene.y[at] = y;
  scene.grid.moved(at);
  scene.slots.forget();
}

/** What holds some twins and frames, with room for labels; `null` where there is none. */
export function boundsOf(
  { absent, x, y, shape }: Basis,
  counts: (at: number) => boolean,
  frames: readonly Rect[] = [],
): Rect | null {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const frame of frames) {
    left = Math.min(left, frame.x);
    top = Math.min(top, frame.y);
    right = Math.max(right, frame.x + frame.width);
    bottom = Math.max(bottom, frame.y + frame.height);
  }
  for (let at = 0; at < x.length; at++) {
    if (absent[at] || !counts(at)) continue;
    const width = halfWidthOf(shape[at]) + 4;
    const height = halfHeightOf(shape[at]);
    const above = shape[at] === rectangle;
    left = Math.min(left, (x[at] as number) - width);
    right = Math.max(right, (x[at] as number) + width);
    top = Math.min(top, (y[at] as number) - height - (above ? labelRoom : 4));
    bottom = Math.max(bottom, (y[at] as number) + height + (above ? 4 : labelRoom));
  }
  return left > right ? null : { x: left, y: top, width: right - left, height: bottom - top };
}
