import { onNode } from "../../look/format";
import { type Paint, temperaturePaint } from "../scale";
import { rectangle } from "../scene";
import { mono, type Picture, sans, screenHalfHeight, screenHalfWidth, spot } from "./picture";
import { outline } from "./shapes";

const smallestText = 12;
/** Below this scale an outline would be all that is seen of a shape. */
const outlinesFrom = 0.15;

/** Fill and ink of a twin: of the temperature scale, or the theme's own grey. */
function paintOf({ scene, palette }: Picture, at: number): Paint {
  const value = scene.value[at] ?? Number.NaN;
  if (scene.temperature[at] && !Number.isNaN(value)) return temperaturePaint(palette.theme, value);
  return { fill: palette.panel, ink: palette.theme === "dark" ? "#ffffff" : "#000000" };
}

/** Shapes: fills by colour, all outlines in one stroke. */
export function drawShapes(picture: Picture): void {
  const { context, palette, visible } = picture;
  const byFill = new Map<string, number[]>();
  for (const at of visible) {
    const { fill } = paintOf(picture, at);
    const group = byFill.get(fill);
    if (group) group.push(at);
    else byFill.set(fill, [at]);
  }
  for (const [fill, group] of byFill) {
    context.fillStyle = fill;
    context.beginPath();
    for (const at of group) outline(picture, at);
    context.fill();
  }
  if (picture.camera.zoom < outlinesFrom) return;
  context.strokeStyle = palette.edge;
  context.lineWidth = 1;
  context.beginPath();
  for (const at of visible) outline(picture, at, -0.5);
  context.stroke();
}

/** Values on the nodes, where they fit. */
export function drawValues(picture: Picture): void {
  const { context, scene, camera, visible } = picture;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const drawIn = (wanted: (at: number) => boolean, size: number, weight: number) => {
    const pixels = Math.max(smallestText, size * camera.zoom);
    context.font = `${weight} ${pixels}px ${sans}`;
    for (const at of visible) {
      const value = scene.value[at] ?? Number.NaN;
      if (!wanted(at) || Number.isNaN(value)) continue;
      const text = onNode(value);
      // Digits of Inter are about 0.62 of the size wide.
      if (text.length * pixels * 0.56 > 2 * screenHalfWidth(picture, at)) continue;
      if (pixels > 2 * screenHalfHeight(picture, at)) continue;
      const { x, y } = spot(picture, at);
      context.fillStyle = paintOf(picture, at).ink;
      context.fillText(text, x, y + pixels * 0.06);
    }
  };
  drawIn((at) => scene.shape[at] === rectangle, 13, 600);
  drawIn((at) => scene.shape[at] !== rectangle, 12, 500);
}

const labelGap = 5;
const letter = 0.6;

/** The id as far as there is room: whole, its end after an ellipsis, or none. */
export function labelThatFits(id: string, room: number, pixels: number): string {
  const letters = Math.floor(room / (pixels * letter));
  if (id.length <= letters) return id;
  return letters < 4 ? "" : `…${id.slice(1 - letters)}`;
}

/** Ids: above what has parts, below the rest; under a mean, of how many twins it is. */
export function drawLabels(picture: Picture): void {
  const { context, scene, camera, palette, visible, selected } = picture;
  const pixels = smallestText * Math.max(1, camera.zoom);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const draw = (at: number) => {
    const room = (scene.slot[at] ?? Infinity) * camera.zoom - 2;
    const label = labelThatFits(scene.ids[at] ?? "", Math.min(room, 240 * camera.zoom), pixels);
    if (!label) return;
    const { x, y } = spot(picture, at);
    const height = screenHalfHeight(picture, at) + labelGap + pixels / 2;
    context.fillText(label, x, scene.shape[at] === rectangle ? y - height : y + height);
  };
  context.font = `400 ${pixels}px ${mono}`;
  context.fillStyle = palette.text2;
  for (const at of visible) if (at !== selected) draw(at);
  if (selected !== null) {
    context.font = `600 ${pixels}px ${mono}`;
    context.fillStyle = palette.text;
    draw(selected);
  }
  drawMeans(picture, pixels);
}

function drawMeans(picture: Picture, pixels: number): void {
  const { context, scene, palette, visible, camera } = picture;
  if (camera.zoom < 0.6) return;
  context.font = `400 ${pixels}px ${sans}`;
  context.fillStyle = palette.text3;
  for (const at of visible) {
    const of = scene.meanOf[at] ?? 0;
    if (of === 0) continue;
    const { x, y } = spot(picture, at);
    const below = screenHalfHeight(picture, at) + labelGap + pixels * 1.9;
    context.fillText(`avg of ${of}`, x, y + below);
  }
}
