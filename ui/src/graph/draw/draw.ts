import { drawEdges } from "./edges";
import { drawFrames } from "./frames";
import { drawHoverCard } from "./hoverCard";
import { drawGlow, drawRings } from "./marks";
import { drawLabels, drawShapes, drawValues } from "./nodes";
import type { Picture } from "./picture";

/** Draws one frame, `density` device pixels per CSS pixel. */
export function drawPicture(picture: Picture, density: number): void {
  const { context, size, palette } = picture;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.fillStyle = palette.canvas;
  context.fillRect(0, 0, size.width, size.height);
  drawFrames(picture);
  drawEdges(picture);
  drawShapes(picture);
  drawGlow(picture);
  drawRings(picture);
  drawValues(picture);
  drawLabels(picture);
  drawHoverCard(picture);
}
