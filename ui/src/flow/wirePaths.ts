import { type Box, type Boxes, portY, rowHeight, rowsOf, shownBy } from "./boxes";
import { type Draft, nameOf, theInstance } from "./draft";
import { type Wire, wireId, wiresOf } from "./wiring";

type Point = readonly [number, number];
export type Way = "right" | "left" | "up" | "down";

/** How a wire is drawn. */
export interface WirePath extends Wire {
  id: string;
  /** An SVG path that ends where the arrow head begins. */
  path: string;
  /** The tip of the arrow head, and where it points. */
  tip: Point;
  way: Way;
  /** Where its rate stands. */
  label: Point;
  anchor: "start" | "middle" | "end";
  /** Its first point: the instance's ports are where its wires begin. */
  start: Point;
  /** It leads back to the instance, along the top. */
  feedback: boolean;
}

const head = 7;
/** The radius of a port: an arrow head ends before it. */
const portSize = 4;
const corner = 6;
const stub = 18;
/** What a rate needs between two nodes. */
const room = 48;
/** How far above everything the first feedback runs, and how far apart they are. */
const lane = 44;
const laneApart = 24;
const margin = 20;

/** The ways of all wires but those within an endpoint. */
export function wirePaths(draft: Draft, boxes: Boxes): WirePath[] {
  let feedbacks = 0;
  const top = Math.min(...[...boxes.values()].map(({ y }) => y));
  const bottom = Math.max(...[...boxes.values()].map(({ y, height }) => y + height));
  return wiresOf(draft).flatMap((wire) => {
    if (nameOf(wire.to)?.part === "subscriptions" && shownBy(draft, wire.to) !== wire.to) return [];
    const [from, to] = [boxes.get(shownBy(draft, wire.from)), boxes.get(shownBy(draft, wire.to))];
    if (!from || !to) return [];
    const [part, ends] = [nameOf(wire.from)?.part, nameOf(wire.to)?.part];
    let route: Drawn;
    if (part === "functions" && wire.to === theInstance && from.x > to.x) {
      route = overTop(boxes, from, to, top - lane - laneApart * feedbacks, feedbacks);
      feedbacks++;
    } else if (part === "functions" && ends === "sinks" && isBelow(from, to)) {
      route = down(from, to);
    } else if (part === "sources" && ends === "endpoints2019") {
      route = underneath(from, to, bottom + margin);
    } else {
      const y1 = outY(draft, wire.from, from, boxes.get(wire.to));
      const end: Point = [to.x - portSize, inY(wire.to, to, y1)];
      route = across([from.x + from.width, y1], end, from, to, wire.from !== theInstance);
    }
    return [{ ...wire, id: wireId(wire), ...route }];
  });
}

type Drawn = Omit<WirePath, "id" | "from" | "to">;

const clamp = (y: number, { y: top, height }: Box) =>
  Math.min(Math.max(y, top + portY), top + height - portY);

function outY(draft: Draft, id: string, box: Box, to: Box | undefined): number {
  if (id === theInstance) return clamp((to?.y ?? box.y) + portY, box);
  const rows = rowsOf(draft, shownBy(draft, id));
  const row = rows.indexOf(id);
  return row < 0 ? box.y + portY : box.y + box.height - (rows.length - row - 0.5) * rowHeight;
}

const inY = (id: string, box: Box, from: number): number =>
  id === theInstance ? clamp(from, box) : box.y + portY;

const isBelow = (from: Box, to: Box): boolean =>
  to.y >= from.y + from.height + head && to.x < from.x + from.width && to.x + to.width > from.x;

/** Left to right, or around where the end is not to the right. */
function across(a: Point, b: Point, from: Box, to: Box, early: boolean): Drawn {
  const [x1, y1] = a;
  const [x2, y2] = b;
  // Of the instance's wires, which begin close to each other, the rate stands at the end.
  const rest: Pick<Drawn, "label" | "anchor" | "feedback"> = early
    ? { label: [x1 + 8, y1 - 6], anchor: "start", feedback: false }
    : { label: [x2 - head, y2 - 6], anchor: "end", feedback: false };
  const gap = x2 - x1;
  if (gap >= 2 * corner) {
    const middle = x2 - Math.min(stub, gap / 2);
    const points: Point[] = Math.abs(y1 - y2) < 1 ? [a, b] : [a, [middle, y1], [middle, y2], b];
    return { ...drawn(points), ...rest, ...(gap < room && aside(from, to)) };
  }
  const clear = y2 > y1 ? from.y + from.height + margin : from.y - margin;
  const free = y2 > y1 ? Math.min(clear, to.y - 8) : Math.max(clear, to.y + to.height + 8);
  const apart = y2 > y1 ? to.y > from.y + from.height : to.y + to.height < from.y;
  const y = apart ? free : Math.max(from.y + from.height, to.y + to.height) + margin;
  // Where it turns up beside its port it would cross its own rate, which stands beyond it then.
  const label: Point = early && y < y1 ? [x1 + stub + 6, y1 - 6] : rest.label;
  return {
    ...drawn([a, [x1 + stub, y1], [x1 + stub, y], [x2 - stub, y], [x2 - stub, y2], b]),
    ...rest,
    label,
  };
}

/** Where the rate between two nodes that stand close has room: above the one that begins lower. */
function aside(from: Box, to: Box): Pick<Drawn, "label" | "anchor"> {
  const right = from.x + from.width;
  if (to.y > from.y) return { label: [to.x, to.y - 6], anchor: "start" };
  if (to.y < from.y) return { label: [right, from.y - 6], anchor: "end" };
  return { label: [(right + to.x) / 2, to.y - 6], anchor: "middle" };
}

/** From the bottom of a function to the top of the sink that hangs below it. */
function down(from: Box, to: Box): Drawn {
  const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2];
  const [y1, y2] = [from.y + from.height, to.y];
  const middle = (y1 + y2) / 2;
  const straight = Math.abs(x1 - x2) < 1;
  const points: Point[] = straight
    ? [
        [x1, y1],
        [x1, y2],
      ]
    : [
        [x1, y1],
        [x1, middle],
        [x2, middle],
        [x2, y2],
      ];
  return { ...drawn(points), label: [x2 + 8, middle + 4], anchor: "start", feedback: false };
}

/** From a function back to the instance, above everything. */
function overTop(boxes: Boxes, from: Box, to: Box, y: number, lane: number): Drawn {
  const x = from.x + from.width / 2;
  const end: Point = [to.x + to.width / 2 - lane * 16, to.y];
  const above = [...boxes.values()].some(
    (box) => box !== from && box.y < from.y && box.x < x && box.x + box.width > x,
  );
  const side = from.x + from.width + stub + lane * 10;
  const first: Point[] = above
    ? [
        [from.x + from.width, from.y + portY],
        [side, from.y + portY],
        [side, y],
      ]
    : [
        [x, from.y],
        [x, y],
      ];
  const middle = ((above ? side : x) + end[0]) / 2;
  return {
    ...drawn([...first, [end[0], y], end]),
    label: [middle, y - 7],
    anchor: "middle",
    feedback: true,
  };
}

/** From a source to an endpoint of 2019, past the instance. */
function underneath(from: Box, to: Box, y: number): Drawn {
  const [x1, x2, y2] = [from.x + from.width / 2, to.x, to.y + portY];
  return {
    ...drawn([
      [x1, from.y + from.height],
      [x1, y],
      [x2 - stub, y],
      [x2 - stub, y2],
      [x2, y2],
    ]),
    label: [x2 - head - 5, y2 - 6],
    anchor: "end",
    feedback: false,
  };
}

/** Points with rounded corners, and an arrow head at the last. */
function drawn(points: readonly Point[]): Pick<WirePath, "path" | "tip" | "way" | "start"> {
  const [start, tip, before] = [points[0], points.at(-1), points.at(-2)];
  if (!start || !tip || !before) throw new Error("A wire has two ends.");
  const way = wayOf(before, tip);
  const [dx, dy] = steps[way];
  const inner = [...points.slice(0, -1), [tip[0] - dx * head, tip[1] - dy * head] as const];
  return { path: rounded(inner), tip, way, start };
}

const steps: Record<Way, Point> = { right: [1, 0], left: [-1, 0], up: [0, -1], down: [0, 1] };

function wayOf([x1, y1]: Point, [x2, y2]: Point): Way {
  if (Math.abs(x2 - x1) >= Math.abs(y2 - y1)) return x2 >= x1 ? "right" : "left";
  return y2 >= y1 ? "down" : "up";
}

function rounded(points: readonly Point[]): string {
  const path = points.map((point, at) => {
    const [before, after] = [points[at - 1], points[at + 1]];
    if (!before || !after) return `${at === 0 ? "M" : "L"}${point[0]} ${point[1]}`;
    const [into, out] = [toward(point, before), toward(point, after)];
    return `L${into[0]} ${into[1]}Q${point[0]} ${point[1]} ${out[0]} ${out[1]}`;
  });
  return path.join("");
}

/** A corner's radius on the way from one point to another. */
function toward([x1, y1]: Point, [x2, y2]: Point): Point {
  const far = Math.hypot(x2 - x1, y2 - y1);
  const part = far === 0 ? 0 : Math.min(corner, far / 2) / far;
  return [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part];
}

/** The rectangle that nodes and wires take, with room for rates. */
export function extentOf(boxes: Boxes, wires: readonly WirePath[]): Box {
  const all = [...boxes.values()];
  const points = wires.flatMap(({ path }) =>
    [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const),
  );
  const xs = [...all.flatMap(({ x, width }) => [x, x + width]), ...points.map(([x]) => x)];
  const ys = [...all.flatMap(({ y, height }) => [y, y + height]), ...points.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys) - 12];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** The corners of an arrow head. */
export function headOf({ tip: [x, y], way }: Pick<WirePath, "tip" | "way">): string {
  const [dx, dy] = steps[way];
  const [bx, by] = [x - dx * (head + 1), y - dy * (head + 1)];
  const [px, py] = [-dy * 4, dx * 4];
  return `M${x} ${y}L${bx + px} ${by + py}L${bx - px} ${by - py}Z`;
}
