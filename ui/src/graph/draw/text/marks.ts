import { onNode } from "../../../look/format";
import { type Picture, sans, screenHalfHeight, screenHalfWidth, spot } from "../picture";
import { strengthOf } from "../seen";
import { outline } from "./outline";

/** Half the height of the lowest shape, drawing units. */
const smallestHalf = 16;

/** How long a change shows, ms. */
const decayingFor = 900;
const steadyFor = 1000;
const decay = 300;
/** Half the height below which a change is a speck without a ring, pixels. */
const ringsFrom = 5;
/** Half the height from which a speck is an outline around its twin, pixels. */
const outlinesFrom = 2.5;
/** So many rings at most have a halo. */
const mostHalos = 150;
/** From so many on changes are fainter, so that what they change is still seen. */
const crowd = 150;
/** How strongly a speck covers its twin at most. */
const speckStrength = 0.7;

/** Blur is dear on a software renderer: rings that fade outwards look the same. */
const halo = [
  { width: 3, alpha: 0.3 },
  { width: 7, alpha: 0.16 },
  { width: 12, alpha: 0.08 },
] as const;

const lasting = (picture: Picture): number => (picture.glow === "steady" ? steadyFor : decayingFor);

/** The twins on the screen that still show that they changed. */
export function glowing(picture: Picture): Int32Array {
  if (picture.glow === "off") return picture.seen.twins.subarray(0, 0);
  const since = picture.now - lasting(picture);
  const { changedAt } = picture.scene;
  return picture.seen.twins.filter((at) => (changedAt[at] as number) > since);
}

/** What just changed: a ring that decays, and by how much. */
export function drawGlow(
  picture: Picture,
  context: CanvasRenderingContext2D,
  twins: Int32Array,
): void {
  const { palette, now, glow, scene } = picture;
  context.strokeStyle = palette.live;
  context.fillStyle = palette.live;
  const calm = Math.min(1, Math.sqrt(crowd / twins.length));
  for (const at of twins) {
    const since = now - (scene.changedAt[at] as number);
    const part = strengthOf(picture.seen, scene, at);
    const strength = calm * part * (glow === "steady" ? 1 : Math.exp(-since / decay));
    if (screenHalfHeight(picture, at) < ringsFrom) {
      drawSpeck(picture, context, at, strength);
      continue;
    }
    const ring = (width: number, alpha: number) => {
      context.lineWidth = width;
      context.globalAlpha = alpha * strength;
      context.beginPath();
      outline(picture, context, at, 2);
      context.stroke();
    };
    ring(2, 1);
    if (glow === "decaying" && twins.length <= mostHalos) {
      for (const { width, alpha } of halo) ring(width, alpha);
    }
    drawDifference(picture, context, at, Math.min(1, strength * 2));
  }
  context.globalAlpha = 1;
}

/** So small that a matched twin needs more than its own mark to be found, pixels. */
const speckBelow = 2.5;
const mostSpecks = 30_000;

/** Matched twins that are too small to stand out by themselves. */
export function drawSpecks(picture: Picture, context: CanvasRenderingContext2D): void {
  const { seen, palette } = picture;
  const { lit } = seen;
  if (!lit || picture.camera.zoom * smallestHalf >= speckBelow) return;
  const small = seen.twins.filter(
    (at) => lit.twins[at] === 1 && screenHalfHeight(picture, at) < speckBelow,
  );
  context.fillStyle = palette.text;
  context.globalAlpha = 1;
  for (const at of small.subarray(0, mostSpecks)) {
    const { x, y } = spot(picture, at);
    context.fillRect(x - 1.5, y - 1.5, 3, 3);
  }
}

function drawSpeck(
  picture: Picture,
  context: CanvasRenderingContext2D,
  at: number,
  strength: number,
): void {
  const { x, y } = spot(picture, at);
  const [halfX, halfY] = [screenHalfWidth(picture, at) + 1, screenHalfHeight(picture, at) + 1];
  if (halfY >= outlinesFrom) {
    context.globalAlpha = strength;
    context.lineWidth = 1.5;
    context.strokeRect(x - halfX, y - halfY, 2 * halfX, 2 * halfY);
    return;
  }
  context.globalAlpha = strength * speckStrength;
  context.fillRect(x - halfX, y - halfY, 2 * halfX, 2 * halfY);
}

function drawDifference(
  picture: Picture,
  context: CanvasRenderingContext2D,
  at: number,
  alpha: number,
): void {
  const { palette, scene, camera } = picture;
  const difference = scene.difference[at] ?? 0;
  if (Math.abs(difference) < 0.05) return;
  const text = `${difference > 0 ? "+" : "−"}${onNode(Math.abs(difference))}`;
  const pixels = 12 * Math.max(1, camera.zoom);
  const half = screenHalfWidth(picture, at);
  const room = scene.slots.of(at) * camera.zoom - 2 * half;
  if (text.length * pixels * 0.6 + 12 > room) return;
  const { x, y } = spot(picture, at);
  context.font = `500 ${pixels}px ${sans}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = palette.live;
  context.globalAlpha = alpha;
  context.fillText(text, x + half + 7, y + 1);
}

/** So many rings of a selection of several at most; beyond, what is selected is tinted. */
const mostRings = 3000;

/** Selection, focus and hover. */
export function drawRings(picture: Picture, context: CanvasRenderingContext2D): void {
  const { palette, selected, focused, hovered, group, seen } = picture;
  const ring = (at: number, off: number, width: number, colour: string) => {
    if (picture.scene.absent[at]) return;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    outline(picture, context, at, off);
    context.stroke();
  };
  if (group)
    drawGroup(
      picture,
      context,
      seen.twins.filter((at) => group[at] === 1),
    );
  if (hovered !== null && hovered !== selected) ring(hovered, 2, 1, palette.text2);
  if (selected !== null) ring(selected, 3, 2, palette.accent);
  if (focused === null) return;
  const both = focused === selected;
  ring(focused, both ? 6.5 : 3, both ? 1 : 2, palette.accent);
}

function drawGroup(picture: Picture, context: CanvasRenderingContext2D, twins: Int32Array): void {
  context.strokeStyle = picture.palette.accent;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const at of twins.subarray(0, mostRings)) outline(picture, context, at, 2);
  context.stroke();
}
