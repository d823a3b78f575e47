import { mix, type Packed, parseColour } from "../colour";
import type { SceneFrame } from "../scene";
import type { Picture } from "./picture";

const frameRadius = 8;
/** How much of an aggregate's colour a frame takes from what it holds. */
const mostTint = 0.9;

/** A frame on whole device pixels. */
export function frameBox(picture: Picture, at: number) {
  const { scene, camera, size, density } = picture;
  const frame = scene.frames[at] as SceneFrame;
  const scale = camera.zoom * density;
  const left = Math.round((frame.x - camera.x) * scale + (size.width * density) / 2);
  const top = Math.round((frame.y - camera.y) * scale + (size.height * density) / 2);
  const right = left + Math.max(1, Math.round(frame.width * scale));
  const bottom = top + Math.max(1, Math.round(frame.height * scale));
  const least = Math.min(right - left, bottom - top) / 2;
  return {
    left,
    top,
    right,
    bottom,
    radius: Math.min(frameRadius * Math.min(1, camera.zoom) * density, least),
  };
}

/** What fills a frame: nothing where it holds others; far away the colour of what it holds. */
export function framePaint(picture: Picture, at: number): Packed | null {
  const { scene, palette, seen, table } = picture;
  const frame = scene.frames[at] as SceneFrame;
  if (frame.outer) return null;
  const ground = parseColour(palette.cont);
  // What is matched stands out of its frame, not the frame for it.
  if (seen.far === 0 || seen.lit) return ground;
  return mix(ground, table.fill[scene.framePaint[at] as number] as number, mostTint * seen.far);
}
