import { onNode } from "../../../look/format";
import { unitOf } from "../../scene";
import { mono, type Picture, sans, screenHalfHeight, spot } from "../picture";
import { labelThatFits } from "./labels";

/** From this scale on every label stands on the drawing, and a card would only repeat it. */
const labelsFrom = 0.85;
const height = 24;
const pad = 8;
const widest = 400;

/** Id and value of the twin under the pointer, where the scale leaves no room for them. */
export function drawHoverCard(picture: Picture, context: CanvasRenderingContext2D): void {
  const { scene, palette, hovered, camera, size } = picture;
  if (hovered === null || camera.zoom >= labelsFrom) return;
  const id = labelThatFits(scene.ids[hovered] ?? "", Math.min(widest, size.width / 2), 12);
  const value = scene.value[hovered] ?? Number.NaN;
  const text = Number.isNaN(value) ? "" : `${onNode(value)} ${unitOf(scene, hovered)}`;
  const idFont = `400 12px ${mono}`;
  const valueFont = `500 12px ${sans}`;
  context.font = idFont;
  const idWidth = context.measureText(id).width;
  context.font = valueFont;
  const valueWidth = text ? context.measureText(text).width + pad : 0;
  const width = idWidth + valueWidth + 2 * pad;
  const { x, y } = spot(picture, hovered);
  const left = Math.round(Math.min(size.width - width - 4, Math.max(4, x - width / 2))) + 0.5;
  const above = y - screenHalfHeight(picture, hovered) - height - 8;
  const top = Math.round(above > 4 ? above : y + screenHalfHeight(picture, hovered) + 8) + 0.5;
  context.beginPath();
  context.roundRect(left, top, width, height, 4);
  context.fillStyle = palette.float;
  context.fill();
  context.strokeStyle = palette.line2;
  context.lineWidth = 1;
  context.stroke();
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = palette.text;
  context.fillText(text, left + pad + idWidth + pad, top + height / 2 + 0.5);
  context.font = idFont;
  context.fillText(id, left + pad, top + height / 2 + 0.5);
}
