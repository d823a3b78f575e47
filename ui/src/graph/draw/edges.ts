import type { Point } from "../camera";
import { mono, type Picture, spot } from "./picture";
import { reach } from "./shapes";

const head = 8;
const headsFrom = 0.3;
const namesFrom = 1.2;
const nameSize = 12;
const nameGap = 8;

interface Line {
  from: Point;
  to: Point;
  name: number;
  /** Free width beside an upright line, in pixels. */
  room: number;
}

/** The part of a relationship between the edges of its two shapes. */
function lineOf(picture: Picture, edge: number): Line | null {
  const { scene, size } = picture;
  const [source = 0, target = 0] = [scene.source[edge], scene.target[edge]];
  const [a, b] = [spot(picture, source), spot(picture, target)];
  const beside =
    Math.max(a.x, b.x) < 0 ||
    Math.max(a.y, b.y) < 0 ||
    Math.min(a.x, b.x) > size.width ||
    Math.min(a.y, b.y) > size.height;
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  if (beside || length < 1) return null;
  const [dx, dy] = [(b.x - a.x) / length, (b.y - a.y) / length];
  const start = reach(picture, source, dx, dy);
  const end = length - reach(picture, target, dx, dy) - 1;
  if (end <= start) return null;
  return {
    from: { x: a.x + dx * start, y: a.y + dy * start },
    to: { x: a.x + dx * end, y: a.y + dy * end },
    name: scene.name[edge] ?? 0,
    room: (scene.slot[source] ?? Infinity) * picture.camera.zoom,
  };
}

/** Relationships: first all in grey, then those of the selected and the hovered twin. */
export function drawEdges(picture: Picture): void {
  const { scene, palette, hidden, selected, hovered, camera } = picture;
  const ordinary: Line[] = [];
  const ofSelected: Line[] = [];
  const ofHovered: Line[] = [];
  const touches = (edge: number, twin: number | null) =>
    twin !== null && (scene.source[edge] === twin || scene.target[edge] === twin);
  for (let edge = 0; edge < scene.source.length; edge++) {
    const chosen = touches(edge, selected);
    const shown = !hidden.has(scene.name[edge] ?? 0) && !scene.framed[edge];
    if (!shown && !(chosen && !scene.framed[edge])) continue;
    const line = lineOf(picture, edge);
    if (!line) continue;
    if (chosen) ofSelected.push(line);
    else if (touches(edge, hovered)) ofHovered.push(line);
    else ordinary.push(line);
  }
  const heads = camera.zoom >= headsFrom;
  strokeLines(picture, ordinary, palette.edge, 1, heads);
  strokeLines(picture, ofHovered, palette.text2, 1.5, heads);
  strokeLines(picture, ofSelected, palette.accent, 1.5, heads);
  if (camera.zoom >= namesFrom) drawNames(picture, ordinary, false);
  drawNames(picture, ofHovered, true);
  drawNames(picture, ofSelected, true);
}

function strokeLines(
  picture: Picture,
  lines: Line[],
  colour: string,
  width: number,
  heads: boolean,
) {
  if (lines.length === 0) return;
  const { context } = picture;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  for (const { from, to } of lines) {
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
  }
  context.stroke();
  if (!heads) return;
  context.beginPath();
  for (const { from, to } of lines) addHead(context, from, to);
  context.fill();
}

function addHead(context: CanvasRenderingContext2D, from: Point, to: Point): void {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const size = Math.min(head, length / 2);
  const [dx, dy] = [((to.x - from.x) / length) * size, ((to.y - from.y) / length) * size];
  context.moveTo(to.x, to.y);
  context.lineTo(to.x - dx - dy * 0.45, to.y - dy + dx * 0.45);
  context.lineTo(to.x - dx + dy * 0.45, to.y - dy - dx * 0.45);
  context.closePath();
}

/**
 * Names stand beside a line that is rather upright, and on one that is rather level. Those that
 * were asked for, by selecting a twin, may cover what is beside them.
 */
function drawNames(picture: Picture, lines: Line[], asked: boolean): void {
  const { context, palette, scene } = picture;
  if (lines.length === 0) return;
  context.font = `400 ${nameSize}px ${mono}`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (const { from, to, name, room } of lines) {
    const text = scene.names[name] ?? "";
    const width = context.measureText(text).width;
    const upright = Math.abs(to.y - from.y) > Math.abs(to.x - from.x);
    // Between two shapes there may be no room; the inspector has the name then.
    const needed = upright ? width + 2 * nameGap : width + 2 * head;
    if (needed > (upright ? (asked ? Infinity : room) : Math.abs(to.x - from.x))) continue;
    const x = (from.x + to.x) / 2 + (upright ? nameGap : -width / 2);
    const y = (from.y + to.y) / 2;
    context.fillStyle = palette.cont;
    context.globalAlpha = 0.9;
    context.fillRect(x - 3, y - nameSize * 0.7, width + 6, nameSize * 1.4);
    context.globalAlpha = 1;
    context.fillStyle = palette.text2;
    context.fillText(text, x, y + 0.5);
  }
}
