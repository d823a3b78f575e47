import { onNode } from "../../look/format";
import { type Picture, sans, screenHalfWidth, spot } from "./picture";
import { outline } from "./shapes";

/** How long a change shows, ms. */
const decayingFor = 900;
const steadyFor = 1000;
const decay = 300;

/** Blur is dear on a software renderer: rings that fade outwards look the same. */
const halo = [
  { width: 3, alpha: 0.3 },
  { width: 7, alpha: 0.16 },
  { width: 12, alpha: 0.08 },
] as const;

/** Whether anything still shows that it changed. */
export function glows(picture: Picture): boolean {
  if (picture.glow === "off") return false;
  const lasting = picture.glow === "steady" ? steadyFor : decayingFor;
  return picture.visible.some((at) => picture.now - changedAt(picture, at) < lasting);
}

const changedAt = ({ scene }: Picture, at: number): number => scene.changedAt[at] ?? -Infinity;

/** What just changed: a ring that decays, and by how much. */
export function drawGlow(picture: Picture): void {
  const { context, palette, visible, now, glow } = picture;
  if (glow === "off") return;
  context.strokeStyle = palette.live;
  for (const at of visible) {
    const since = now - changedAt(picture, at);
    if (since >= (glow === "steady" ? steadyFor : decayingFor)) continue;
    const strength = glow === "steady" ? 1 : Math.exp(-since / decay);
    const ring = (width: number, alpha: number) => {
      context.lineWidth = width;
      context.globalAlpha = alpha * strength;
      context.beginPath();
      outline(picture, at, 2);
      context.stroke();
    };
    ring(2, 1);
    if (glow === "decaying") for (const { width, alpha } of halo) ring(width, alpha);
    drawDifference(picture, at, Math.min(1, strength * 2));
  }
  context.globalAlpha = 1;
}

function drawDifference(picture: Picture, at: number, alpha: number): void {
  const { context, palette, scene, camera } = picture;
  const difference = scene.difference[at] ?? 0;
  if (Math.abs(difference) < 0.05) return;
  const text = `${difference > 0 ? "+" : "−"}${onNode(Math.abs(difference))}`;
  const pixels = 12 * Math.max(1, camera.zoom);
  const half = screenHalfWidth(picture, at);
  const room = (scene.slot[at] ?? Infinity) * camera.zoom - 2 * half;
  if (text.length * pixels * 0.6 + 12 > room) return;
  const { x, y } = spot(picture, at);
  context.font = `500 ${pixels}px ${sans}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = palette.live;
  context.globalAlpha = alpha;
  context.fillText(text, x + half + 7, y + 1);
}

/** Selection, focus and hover. */
export function drawRings(picture: Picture): void {
  const { context, palette, selected, focused, hovered } = picture;
  const ring = (at: number, off: number, width: number, colour: string) => {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    outline(picture, at, off);
    context.stroke();
  };
  if (hovered !== null && hovered !== selected) ring(hovered, 2, 1, palette.text2);
  if (selected !== null) ring(selected, 3, 2, palette.accent);
  if (focused !== null)
    ring(focused, focused === selected ? 6.5 : 3, focused === selected ? 1 : 2, palette.accent);
}
