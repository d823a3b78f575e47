import { onNode } from "../../../look/format";
import { iconPath, iconSide } from "../../icons";
import { circle, rectangle } from "../../scene";
import { type Picture, sans, screenHalfHeight, screenHalfWidth, spot } from "../picture";
import { smallestText } from "./labels";
import type { Occupied } from "./occupied";

/** Digits and points of Inter are on average so many times their size wide. */
const digit = 0.56;

/** Values on the twins where they fit; on twins without one their model's icon or letter. */
export function drawValues(
  picture: Picture,
  context: CanvasRenderingContext2D,
  taken: Occupied,
): void {
  const { scene, camera, seen, table, text } = picture;
  // The largest marks are too low for a number below this.
  if (camera.zoom < 0.3) return;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const without: number[] = [];
  const drawIn = (wanted: (at: number) => boolean, size: number, weight: number) => {
    // From the topmost down: what is covered by another twin shows nothing.
    for (let place = seen.twins.length - 1; place >= 0; place--) {
      const at = seen.twins[place] as number;
      if (!wanted(at) || (seen.lit && seen.lit.twins[at] !== 1)) continue;
      const value = scene.value[at] as number;
      if (Number.isNaN(value) || !text.values) {
        without.push(at);
        continue;
      }
      const pixels = Math.max(
        smallestText,
        size * camera.zoom * Math.min(1, scene.scale[at] as number),
      );
      const written = onNode(value);
      const width = written.length * pixels * digit;
      if (width > 2 * screenHalfWidth(picture, at)) continue;
      if (pixels > 2 * screenHalfHeight(picture, at)) continue;
      const { x, y } = spot(picture, at);
      const height = pixels * 0.7;
      if (!taken.take(x - width / 2, y - height / 2, width, height)) continue;
      context.font = `${weight} ${pixels}px ${sans}`;
      context.fillStyle = table.ink[scene.paint[at] as number] as string;
      context.fillText(written, x, y + pixels * 0.06);
    }
  };
  drawIn((at) => scene.shape[at] === rectangle, 13, 600);
  drawIn((at) => scene.shape[at] !== rectangle, 12, 500);
  if (text.icons) drawIcons(picture, context, without);
}

const iconPart = 0.95;
const smallestIcon = 10;

function drawIcons(picture: Picture, context: CanvasRenderingContext2D, twins: number[]): void {
  const { scene, table, text, density } = picture;
  for (const at of twins) {
    const side = Math.min(screenHalfHeight(picture, at), screenHalfWidth(picture, at)) * iconPart;
    if (side < smallestIcon) continue;
    const mark = text.marks[scene.kind[at] as number];
    if (!mark) continue;
    const { x, y } = spot(picture, at);
    const ink = table.ink[scene.paint[at] as number] as string;
    if (mark.icon === null) {
      context.fillStyle = ink;
      context.font = `600 ${side}px ${sans}`;
      context.fillText(mark.letter, x, y + side * 0.06);
      continue;
    }
    const scale = side / iconSide;
    context.save();
    context.translate(Math.round((x - side / 2) * density) / density, y - side / 2);
    context.scale(scale, scale);
    context.strokeStyle = ink;
    context.lineWidth = 1.5 / scale;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.stroke(iconPath(mark.icon));
    context.restore();
  }
}

const badgeFrom = 0.35;

/** Signs at the upper right of twins, as rules say. */
export function drawBadges(picture: Picture, context: CanvasRenderingContext2D): void {
  const { scene, seen, palette, camera } = picture;
  if (camera.zoom < badgeFrom) return;
  const colours = ["", palette.drop, palette.ok, palette.retry, palette.text2];
  const signs = ["", "!", "✓", "⚑", "★"];
  const radius = 7 * Math.min(1.5, Math.max(0.8, camera.zoom));
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `600 ${radius * 1.5}px ${sans}`;
  for (const at of seen.twins) {
    const badge = scene.badge[at] as number;
    if (badge === 0) continue;
    const corner = scene.shape[at] === circle ? 0.7 : 1;
    const { x, y } = spot(picture, at);
    const [right, top] = [
      x + screenHalfWidth(picture, at) * corner,
      y - screenHalfHeight(picture, at) * corner,
    ];
    context.beginPath();
    context.arc(right, top, radius, 0, 2 * Math.PI);
    context.fillStyle = colours[badge] ?? palette.text2;
    context.fill();
    context.strokeStyle = palette.panel;
    context.lineWidth = 1.5;
    context.stroke();
    context.fillStyle = palette.panel;
    context.fillText(signs[badge] ?? "", right, top + 0.5);
  }
}
