import { count } from "../../../look/format";
import { hexagon, rectangle, type Scene } from "../../scene";
import { farthest } from "../../slots";
import { frameBox } from "../frames";
import { mono, type Picture, sans, screenHalfHeight, spot } from "../picture";
import type { Occupied } from "./occupied";

/** A text and where it stands: the middle of its line, CSS pixels. */
export interface Label {
  /** The twin that it names. */
  at: number;
  text: string;
  x: number;
  y: number;
  pixels: number;
  look: "twin" | "chosen" | "frame" | "outer";
  /** Whether it begins at `x` or has its middle there. */
  align: "left" | "center";
  /** Whether it is the title of a frame that goes on above the screen, at its upper edge. */
  stuck?: boolean;
}

export const smallestText = 12;
const labelGap = 5;
/** Letters of the monospaced face are so many times their size wide. */
const letter = 0.6;
/** And those of Inter, more or less. */
const proportional = 0.57;
const mostLabels = 400;
/** A label never runs on for longer than this, drawing units. */
const longest = 240;
/** From this scale on, where nothing is beside a twin, it has its label. */
const alwaysFrom = 0.25;
/** The owner of a frame has its own label from this scale on; below it stands for all it holds. */
export const frameTitlesBelow = 0.4;
const fewestLetters = 4;
/** So much more room is kept around the label of a twin in no frame, pixels. */
const looseMargin = 6;

/** A name on one line, as far as there is room: whole, its end after an ellipsis, or none. */
export function labelThatFits(id: string, room: number, pixels: number): string {
  const letters = Math.floor(room / (pixels * letter));
  if (id.length <= letters) return oneLine(id);
  if (letters < fewestLetters) return "";
  // By whole characters, so that no emoji is cut in two.
  const end = [...id.slice(-2 * letters)].slice(1 - letters).join("");
  return `…${oneLine(end)}`;
}

/** Control characters would be boxes, and those that turn the direction would turn neighbours. */
const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ");

/** Chooses what is named: the chosen twins, then frames that are aggregates, then by importance. */
export function chooseLabels(picture: Picture, taken: Occupied): Label[] {
  const labels: Label[] = [];
  const add = (label: Label | null, always = false) => {
    if (!label || labels.length >= mostLabels) return;
    const margin = marginOf(picture, label);
    const [width, height] = [textWidth(label) + 2 * margin, label.pixels + margin];
    const left = label.align === "left" ? label.x : label.x - width / 2;
    const free = taken.take(left, label.y - height / 2, width, height);
    if (free || always) labels.push(label);
  };
  const chosen = new Set(
    [picture.selected, picture.focused, picture.hovered].filter((at) => at !== null),
  );
  for (const at of chosen) {
    if (!picture.scene.absent[at]) add(labelOf(picture, at, "chosen"), true);
  }
  if (!picture.text.names) return labels;
  for (const frame of picture.seen.frames) addTitle(picture, frame, labels, taken);
  for (const at of byImportance(picture)) {
    if (!chosen.has(at)) add(labelOf(picture, at, "twin"));
  }
  return labels;
}

function addTitle(picture: Picture, frame: number, labels: Label[], taken: Occupied): void {
  const title = titleOf(picture, frame);
  if (!title || labels.length >= mostLabels) return;
  const { pixels, x, y } = title;
  const width = textWidth(title);
  if (title.stuck) {
    // Those of frames within each other stand below each other, over whatever is there.
    const above = labels.filter(
      (other) => other.stuck && other.x < x + width && x < other.x + textWidth(other),
    );
    const below = y + above.length * titleLine;
    if (above.length === mostStuck) return;
    taken.cover(x, below - pixels / 2, width, pixels);
    labels.push({ ...title, y: below });
    return;
  }
  const left = title.align === "left" ? x : x - width / 2;
  if (taken.take(left, y - pixels / 2, width, pixels)) labels.push(title);
}

/** A chosen name stands apart from those beside it, and so does one among twins in no rows. */
const marginOf = (picture: Picture, { look, at }: Label): number =>
  look === "chosen" || (look === "twin" && isLoose(picture, at)) ? looseMargin : 0;

const textWidth = ({ text, pixels, look }: Label): number =>
  text.length * pixels * (look === "frame" || look === "outer" ? proportional : letter);

function byImportance(picture: Picture): Int32Array | number[] {
  const { scene, seen, camera } = picture;
  const { zoom } = camera;
  const least = fewestLetters * letter * smallestText;
  const folded = seen.cloud > 0.5 ? scene.clusters?.of : undefined;
  const inRoom = seen.twins.filter((at) => {
    if (folded && (folded[at] as number) >= 0) return false;
    if (seen.lit && seen.lit.twins[at] !== 1) return false;
    // What owns a frame is named by the frame's title.
    if (zoom < frameTitlesBelow && ownsFrame(scene, at)) return false;
    // Rooms are measured when they are first asked for: not of a hundred thousand that have none.
    if (zoom * farthest < least) return isHub(picture, at);
    const slot = roomOf(scene, at);
    return slot === Infinity ? zoom >= alwaysFrom || isHub(picture, at) : slot * zoom >= least;
  });
  return inRoom.sort((a, b) => (scene.importance[b] as number) - (scene.importance[a] as number));
}

const isLoose = ({ scene }: Picture, at: number): boolean => (scene.frameOf[at] as number) < 0;

const ownsFrame = ({ frames, frameOf }: Scene, at: number): boolean =>
  frames[frameOf[at] as number]?.twin === at;

/**
 * In a frame twins stand in rows, and a label keeps to its own; the frame's owner also keeps to its
 * side of what is in it. Else whole ones stand where they fit.
 */
function roomOf({ frames, frameOf, slots, x }: Scene, at: number): number {
  const frame = frames[frameOf[at] as number];
  if (!frame) return Infinity;
  const slot = slots.of(at);
  return frame.twin === at ? Math.min(slot, 2 * ((x[at] as number) - frame.x)) : slot;
}

const hubFrom = 5;
const isHub = ({ scene }: Picture, at: number) => (scene.importance[at] as number) >= hubFrom;

/** Above what has parts, below the rest. */
function labelOf(picture: Picture, at: number, look: "twin" | "chosen"): Label | null {
  const { scene, camera } = picture;
  const pixels = smallestText * Math.min(2, Math.max(1, camera.zoom));
  const slot = look === "chosen" ? Infinity : roomOf(scene, at) * camera.zoom - 2;
  const widest = longest * Math.max(camera.zoom, look === "chosen" ? 1 : 0.5);
  const name = nameOf(picture, at);
  const text = labelThatFits(name, Math.min(slot, widest), pixels);
  // The title of its frame has room for the whole name of an owner.
  const cut = look === "twin" && text.startsWith("…") && ownsFrame(scene, at);
  if (!text || cut) return null;
  const { x, y } = spot(picture, at);
  const off = screenHalfHeight(picture, at) + labelGap + pixels / 2;
  const above = scene.shape[at] === rectangle;
  return { at, text, x, y: above ? y - off : y + off, pixels, look, align: "center" };
}

export function nameOf({ scene, text }: Picture, at: number): string {
  return (text.people && scene.labels[at]) || (scene.ids[at] ?? "");
}

/** The lowest frame that has a title on its upper edge, CSS pixels. */
const titleFrom = 36;
const titleInset = 8;
const titleTop = 12;
const titleLine = 19;
/** So many titles stand below each other at the upper edge of the screen at most. */
const mostStuck = 3;

/**
 * What a frame holds, where its owner is too small to be named or out of sight: on its upper edge,
 * or where that is out of sight as high as it goes; in its middle where it stands for all.
 */
function titleOf(picture: Picture, at: number): Label | null {
  const { scene, camera, density, size, seen } = picture;
  const frame = scene.frames[at];
  if (!frame || frame.twin < 0) return null;
  if (camera.zoom >= frameTitlesBelow && isNamedOnScreen(picture, frame.twin)) return null;
  const box = frameBox(picture, at);
  const [left, right] = [box.left / density, Math.min(size.width, box.right / density)];
  const [top, bottom] = [box.top / density, Math.min(size.height, box.bottom / density)];
  // The middle of a campus is some house.
  const far = seen.far > 0.5 && !scene.campus[at];
  const [x, y] = [Math.max(left, 0) + titleInset, Math.max(top, titleTop)];
  if (bottom - (far ? top : y) < (far ? smallestText + 4 : titleFrom)) return null;
  const pixels = frame.outer ? smallestText + 1 : smallestText;
  const name = nameOf(picture, frame.twin);
  const room = far ? right - left - 2 : right - x;
  const text = shortened(name, ` · ${count(scene.held[at] ?? 0)}`, room, pixels, far);
  // A part of its name tells a house, but of floors there would be too many.
  if (!text || (far && !frame.outer && !text.startsWith(name))) return null;
  const place = far
    ? ({ x: (left + right) / 2, y: (top + bottom) / 2, align: "center" } as const)
    : ({ x, y, align: "left", stuck: top < titleTop } as const);
  return { at: frame.twin, text, pixels, look: frame.outer ? "outer" : "frame", ...place };
}

/** Whether the name beside a twin would be seen. */
function isNamedOnScreen(picture: Picture, at: number): boolean {
  const { size } = picture;
  const label = labelOf(picture, at, "twin");
  return (
    label !== null && label.x > 0 && label.y > 0 && label.x < size.width && label.y < size.height
  );
}

/** A name with its count, without it, or its last part: far away as the number on a house. */
function shortened(name: string, held: string, room: number, pixels: number, far: boolean): string {
  const letters = Math.floor(room / (pixels * proportional));
  const last = /[^_\-./:\s]+$/.exec(name)?.[0] ?? "";
  for (const text of [name + held, name, far ? last : last && `…${last}`]) {
    if (text && text.length <= letters) return oneLine(text);
  }
  return "";
}

const weights = { frame: 500, outer: 600, twin: 400, chosen: 600 } as const;

/** Draws the chosen texts, grouped by how they look. */
export function drawLabels(
  picture: Picture,
  context: CanvasRenderingContext2D,
  taken: Occupied,
): void {
  const { palette } = picture;
  const labels = chooseLabels(picture, taken);
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const look of ["frame", "outer", "twin", "chosen"] as const) {
    const ofFrame = look === "frame" || look === "outer";
    context.fillStyle = look === "twin" || look === "frame" ? palette.text2 : palette.text;
    for (const label of labels.filter((one) => one.look === look)) {
      const { at, text, x, y, pixels, align, stuck } = label;
      context.font = `${weights[look]} ${pixels}px ${ofFrame ? sans : mono}`;
      context.textAlign = align;
      if (!ofFrame && isLoose(picture, at)) {
        // What is under it may be anything.
        context.strokeStyle = palette.canvas;
        context.lineWidth = 3;
        context.strokeText(text, x, y);
      }
      if (stuck) {
        // It lies over twins, and needs a ground.
        const width = context.measureText(text).width;
        context.fillStyle = palette.cont;
        context.fillRect(x - 4, y - titleLine / 2, width + 8, titleLine);
        context.fillStyle = look === "frame" ? palette.text2 : palette.text;
      } else if (ofFrame) {
        context.strokeStyle = palette.cont;
        context.lineWidth = 3;
        context.strokeText(text, x, y);
      }
      context.fillText(text, x, y);
    }
  }
  drawMeans(picture, context, taken);
}

/** Under the owner of a frame, of how many twins its value is the mean. */
function drawMeans(picture: Picture, context: CanvasRenderingContext2D, taken: Occupied): void {
  const { scene, palette, seen, camera } = picture;
  if (camera.zoom < 0.6) return;
  const pixels = smallestText * Math.min(2, Math.max(1, camera.zoom));
  context.font = `400 ${pixels}px ${sans}`;
  context.fillStyle = palette.text3;
  context.textAlign = "center";
  for (const at of seen.twins) {
    const of = scene.meanOf[at] ?? 0;
    const faint = seen.lit !== null && seen.lit.twins[at] !== 1;
    if (of === 0 || faint || scene.shape[at] !== hexagon) continue;
    const { x, y } = spot(picture, at);
    // Below its name, where that stands beside it.
    const lines = labelOf(picture, at, "twin") ? 1.9 : 0.5;
    const below = screenHalfHeight(picture, at) + labelGap + pixels * lines;
    const text = `avg of ${of}`;
    const width = text.length * pixels * proportional;
    if (!taken.take(x - width / 2, y + below - pixels / 2, width, pixels)) continue;
    context.fillText(text, x, y + below);
  }
}
