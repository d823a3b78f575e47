import type { Camera, Point, Size } from "../camera";
import type { Table } from "../encoding/table";
import type { IconName } from "../icons";
import type { Palette } from "../palette";
import { halfHeightOf, halfWidthOf, rectangle, type Scene } from "../scene";
import type { End } from "./geometry";
import type { Seen } from "./seen";

/** What is drawn, and how: the same for every part of the drawing and on both paths. */
export interface Picture {
  scene: Scene;
  camera: Camera;
  size: Size;
  /** Device pixels per CSS pixel. */
  density: number;
  palette: Palette;
  /** The colours that `Scene.paint` counts. */
  table: Table;
  seen: Seen;
  selected: number | null;
  focused: number | null;
  hovered: number | null;
  /** 1 for each twin of a selection of several; `null` where there is none. */
  group: Uint8Array | null;
  /** A box or lasso that is being drawn, CSS pixels. */
  rope: readonly Point[];
  text: TextChoice;
  /** `performance.now()` of this frame. */
  now: number;
  glow: "decaying" | "steady" | "off";
}

/** What is written on and beside twins. */
export interface TextChoice {
  names: boolean;
  /** Names for people, where there are any, in place of ids. */
  people: boolean;
  values: boolean;
  icons: boolean;
  /** What stands for each kind of twin. */
  marks: KindMark[];
}

export interface KindMark {
  icon: IconName | null;
  letter: string;
}

export const sans = "Inter, sans-serif";
export const mono = '"JetBrains Mono", monospace';

/** Half the size of the smallest mark, CSS pixels: so that a twin is never lost. */
export const least = 0.6;
/** Half the height from which a box stands on whole pixels, device pixels. */
const sharpFrom = 4;

/** Where a twin is on the screen, CSS pixels. */
export function spot({ scene, camera, size }: Picture, at: number): Point {
  return {
    x: ((scene.x[at] ?? 0) - camera.x) * camera.zoom + size.width / 2,
    y: ((scene.y[at] ?? 0) - camera.y) * camera.zoom + size.height / 2,
  };
}

export const screenHalfWidth = ({ scene, camera }: Picture, at: number): number =>
  Math.max(least, halfWidthOf(scene.shape[at]) * (scene.scale[at] ?? 1) * camera.zoom);

export const screenHalfHeight = ({ scene, camera }: Picture, at: number): number =>
  Math.max(least, halfHeightOf(scene.shape[at]) * (scene.scale[at] ?? 1) * camera.zoom);

/** A twin's shape in device pixels, into `end`. */
export function place(picture: Picture, at: number, end: End): void {
  const { density, scene, camera, size } = picture;
  end.x = (((scene.x[at] as number) - camera.x) * camera.zoom + size.width / 2) * density;
  end.y = (((scene.y[at] as number) - camera.y) * camera.zoom + size.height / 2) * density;
  end.halfX = screenHalfWidth(picture, at) * density;
  end.halfY = screenHalfHeight(picture, at) * density;
  end.shape = scene.shape[at] ?? 0;
  if (end.shape !== rectangle || end.halfY <= sharpFrom) return;
  const left = Math.round(end.x - end.halfX);
  const right = Math.round(end.x + end.halfX);
  const top = Math.round(end.y - end.halfY);
  const bottom = Math.round(end.y + end.halfY);
  end.x = (left + right) / 2;
  end.y = (top + bottom) / 2;
  end.halfX = (right - left) / 2;
  end.halfY = (bottom - top) / 2;
}

export const newEnd = (): End => ({ x: 0, y: 0, halfX: 0, halfY: 0, shape: 0 });
