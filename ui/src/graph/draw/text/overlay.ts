import type { Picture } from "../picture";
import { drawClusters } from "./clusters";
import { drawAskedNames, drawEdgeNames } from "./edgeNames";
import { drawHoverCard } from "./hoverCard";
import { drawLabels } from "./labels";
import { drawGlow, drawRings, drawSpecks, glowing } from "./marks";
import { Occupied } from "./occupied";
import { drawBadges, drawValues } from "./values";

/**
 * Everything that lies over the shapes: text, glow, rings. The same on both paths, by the 2-D
 * canvas: a frame has some hundred texts, and these cost less as they are than in an atlas that
 * has to be kept for 100,000 names. Answers whether anything still glows.
 */
export function drawOverlay(picture: Picture, context: CanvasRenderingContext2D): boolean {
  context.setTransform(picture.density, 0, 0, picture.density, 0, 0);
  const live = glowing(picture);
  const taken = new Occupied(picture.size.width, picture.size.height);
  drawAskedNames(picture, context, taken);
  drawSpecks(picture, context);
  drawGlow(picture, context, live);
  drawClusters(picture, context, taken);
  drawRings(picture, context);
  drawValues(picture, context, taken);
  drawBadges(picture, context);
  drawLabels(picture, context, taken);
  drawEdgeNames(picture, context, taken);
  drawHoverCard(picture, context);
  drawRope(picture, context);
  return live.length > 0;
}

function drawRope({ rope, palette }: Picture, context: CanvasRenderingContext2D): void {
  const [first, ...rest] = rope;
  if (!first) return;
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const { x, y } of rest) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = palette.accent;
  context.globalAlpha = 0.12;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = palette.accent;
  context.lineWidth = 1;
  context.stroke();
}
