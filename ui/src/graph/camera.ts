/** What of the drawing is seen: the drawing point in the middle of the panel, and the scale. */
export interface Camera {
  x: number;
  y: number;
  /** Screen pixels per drawing unit. */
  zoom: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Rect extends Size {
  x: number;
  y: number;
}

export interface Point {
  x: number;
  y: number;
}

/** At this a million twins are seen at once. */
const minZoom = 0.0005;
export const maxZoom = 8;

const clampZoom = (zoom: number): number => Math.min(maxZoom, Math.max(minZoom, zoom));

export const toScreen = (camera: Camera, size: Size, at: Point): Point => ({
  x: (at.x - camera.x) * camera.zoom + size.width / 2,
  y: (at.y - camera.y) * camera.zoom + size.height / 2,
});

export const toDrawing = (camera: Camera, size: Size, at: Point): Point => ({
  x: (at.x - size.width / 2) / camera.zoom + camera.x,
  y: (at.y - size.height / 2) / camera.zoom + camera.y,
});

/** Moves the drawing along with a pointer that moved by so many pixels. */
export const panned = (camera: Camera, dx: number, dy: number): Camera => ({
  ...camera,
  x: camera.x - dx / camera.zoom,
  y: camera.y - dy / camera.zoom,
});

/** Zooms by a factor; the drawing point under `at` stays where it is on the screen. */
export function zoomedAt(camera: Camera, size: Size, at: Point, factor: number): Camera {
  const zoom = clampZoom(camera.zoom * factor);
  const under = toDrawing(camera, size, at);
  return {
    x: under.x - (at.x - size.width / 2) / zoom,
    y: under.y - (at.y - size.height / 2) / zoom,
    zoom,
  };
}

/** Space that is covered at the edges of the panel, and margins. */
export interface Insets {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

/** Shows all of `bounds` as large as it goes, up to `largest`, beside what covers the edges. */
export function fitted(bounds: Rect, size: Size, insets: Insets, largest = 1): Camera {
  const width = Math.max(1, size.width - insets.left - insets.right);
  const height = Math.max(1, size.height - insets.top - insets.bottom);
  const scale = Math.min(width / Math.max(1, bounds.width), height / Math.max(1, bounds.height));
  const zoom = clampZoom(Math.min(largest, scale));
  return {
    x: bounds.x + bounds.width / 2 + (insets.right - insets.left) / 2 / zoom,
    y: bounds.y + bounds.height / 2 + (insets.bottom - insets.top) / 2 / zoom,
    zoom,
  };
}

const easeInOut = (t: number): number => (t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2);

/** The camera on its way; `t` from 0 to 1. The scale changes by equal factors. */
export function between(from: Camera, to: Camera, t: number): Camera {
  if (t >= 1) return to;
  const eased = easeInOut(t);
  return {
    x: from.x + (to.x - from.x) * eased,
    y: from.y + (to.y - from.y) * eased,
    zoom: from.zoom * (to.zoom / from.zoom) ** eased,
  };
}
