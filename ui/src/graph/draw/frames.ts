import { toScreen } from "../camera";
import type { Picture } from "./picture";

const frameRadius = 8;

/** Soft frames around what a twin contains. A frame of frames is only a line. */
export function drawFrames({ context, scene, camera, size, palette }: Picture): void {
  context.strokeStyle = palette["cont-line"];
  context.fillStyle = palette.cont;
  context.lineWidth = 1;
  for (const frame of scene.frames) {
    const { x, y } = toScreen(camera, size, frame);
    const [left, top] = [Math.round(x) + 0.5, Math.round(y) + 0.5];
    const width = Math.round(frame.width * camera.zoom);
    const height = Math.round(frame.height * camera.zoom);
    context.beginPath();
    context.roundRect(left, top, width, height, frameRadius * Math.min(1, camera.zoom));
    if (!frame.outer) context.fill();
    context.stroke();
  }
}
