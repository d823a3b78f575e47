import { type Camera, type Point, type Size, toScreen } from "../camera";
import type { Palette } from "../palette";
import { halfHeightOf, halfWidthOf, type Scene } from "../scene";

/** What is drawn, and how: the same for every part of the drawing. */
export interface Picture {
  context: CanvasRenderingContext2D;
  scene: Scene;
  camera: Camera;
  size: Size;
  palette: Palette;
  /** Twins whose middle lies on the screen or just beside it. */
  visible: number[];
  selected: number | null;
  focused: number | null;
  hovered: number | null;
  /** Indexes of relationship names that are hidden. */
  hidden: ReadonlySet<number>;
  /** `performance.now()` of this frame. */
  now: number;
  glow: "decaying" | "steady" | "off";
}

export const sans = "Inter, sans-serif";
export const mono = '"JetBrains Mono", monospace';

/** Where a twin is on the screen. */
export function spot(picture: Picture, at: number): Point {
  const { scene, camera, size } = picture;
  return toScreen(camera, size, { x: scene.x[at] ?? 0, y: scene.y[at] ?? 0 });
}

export const screenHalfWidth = (picture: Picture, at: number): number =>
  halfWidthOf(picture.scene.shape[at]) * picture.camera.zoom;

export const screenHalfHeight = (picture: Picture, at: number): number =>
  halfHeightOf(picture.scene.shape[at]) * picture.camera.zoom;

const beside = 80;

/** The twins that can be seen. */
export function visibleTwins(scene: Scene, camera: Camera, size: Size): number[] {
  const found: number[] = [];
  const halfX = (size.width / 2 + beside) / camera.zoom;
  const halfY = (size.height / 2 + beside) / camera.zoom;
  for (let at = 0; at < scene.ids.length; at++) {
    const dx = Math.abs((scene.x[at] ?? 0) - camera.x);
    const dy = Math.abs((scene.y[at] ?? 0) - camera.y);
    if (dx <= halfX && dy <= halfY) found.push(at);
  }
  return found;
}
