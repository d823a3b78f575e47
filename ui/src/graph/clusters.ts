import type { Rect } from "./camera";

/** What stands for twins that no frame holds, where they lie too close to be told apart. */
export interface Clusters {
  /** The cluster of each twin; -1 for none. */
  of: Int32Array;
  /** Middles, and how far their twins are spread, drawing units. */
  x: Float32Array;
  y: Float32Array;
  radius: Float32Array;
  count: Uint32Array;
  /** The twin of most relationships in each. */
  hub: Int32Array;
  /** The colour of each: a place in the table of the encoding. */
  paint: Uint8Array;
  /** How far apart neighbours usually are, drawing units. */
  spacing: number;
  /** Relationships between two clusters: those of each pair in threes: one, other, how many. */
  links: Uint32Array;
}

interface Basis {
  x: Float32Array;
  y: Float32Array;
  absent: Uint8Array;
  frameOf: Int32Array;
  importance: Float32Array;
  source: Int32Array;
  target: Int32Array;
}

/** Fewer twins than this are shown as they are. */
const fewest = 1000;
/** So many twins in a cell of the density, on average, and so many cells along a side at most. */
const perCell = 6;
const mostCells = 96;
/** A hill whose saddle is higher than this share of its top is a part of its neighbour. */
const standsOut = 0.8;
const dry = 0xffffffff;
/** A cluster is at least this share of all. */
const leastShare = 1 / 400;

/**
 * Parts the twins by where they lie: those on one hill of their density are a cluster. `null` where that tells nothing apart.
 */
export function cluster(basis: Basis): Clusters | null {
  const loose = looseTwins(basis);
  if (loose.length < fewest) return null;
  const field = densityOf(basis, loose);
  const hills = climb(field);
  const { number, count } = numberHills(field, hills, loose.length * leastShare);
  if (count < 2) return null;
  return gather(basis, loose, field, number, count);
}

function looseTwins({ absent, frameOf }: Basis): Int32Array {
  const found = new Int32Array(absent.length);
  let count = 0;
  for (let at = 0; at < absent.length; at++) {
    if (absent[at] === 0 && (frameOf[at] as number) < 0) found[count++] = at;
  }
  return found.subarray(0, count);
}

interface Field {
  columns: number;
  rows: number;
  side: number;
  /** The cell of each loose twin. */
  cellOf: Uint32Array;
  /** How many twins are in each cell. */
  twins: Uint32Array;
  /** The same, smoothed. */
  density: Float32Array;
}

function densityOf({ x, y }: Basis, loose: Int32Array): Field {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const at of loose) {
    left = Math.min(left, x[at] as number);
    right = Math.max(right, x[at] as number);
    top = Math.min(top, y[at] as number);
    bottom = Math.max(bottom, y[at] as number);
  }
  const [width, height] = [Math.max(1, right - left), Math.max(1, bottom - top)];
  const wanted = Math.sqrt((width * height * perCell) / loose.length);
  const side = Math.max(wanted, Math.max(width, height) / mostCells);
  const columns = Math.floor(width / side) + 1;
  const rows = Math.floor(height / side) + 1;
  const cellOf = new Uint32Array(loose.length);
  const twins = new Uint32Array(columns * rows);
  for (let place = 0; place < loose.length; place++) {
    const at = loose[place] as number;
    const column = Math.floor(((x[at] as number) - left) / side);
    const row = Math.floor(((y[at] as number) - top) / side);
    const cell = row * columns + column;
    cellOf[place] = cell;
    twins[cell] = (twins[cell] as number) + 1;
  }
  let density = Float32Array.from(twins);
  for (let pass = 0; pass < 2; pass++) density = smoothed(density, columns, rows);
  return { columns, rows, side, cellOf, twins, density };
}

/** Each cell becomes the mean of itself and those around it. */
function smoothed(values: Float32Array, columns: number, rows: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const [r, c] = [row + dy, column + dx];
          if (r >= 0 && c >= 0 && r < rows && c < columns) sum += values[r * columns + c] as number;
        }
      }
      result[row * columns + column] = sum / 9;
    }
  }
  return result;
}

/**
 * The hilltop that each cell belongs to. The water falls: a cell joins the hill beside it, and where
 * two hills meet, the lower one is a part of the higher if it hardly stands out above the saddle.
 */
function climb({ columns, rows, density }: Field): Uint32Array {
  const height = (cell: number) => density[cell] as number;
  const falling = Uint32Array.from(density.keys()).sort((a, b) => height(b) - height(a) || a - b);
  const top = new Uint32Array(density.length).fill(dry);
  const find = (cell: number): number => {
    let at = cell;
    while (top[at] !== at) at = top[at] as number;
    top[cell] = at;
    return at;
  };
  for (const cell of falling) {
    top[cell] = cell;
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c++) {
        const beside = r * columns + c;
        if (top[beside] === dry) continue;
        const [one, other] = [find(beside), find(cell)];
        if (one === other) continue;
        const [high, low] = height(one) >= height(other) ? [one, other] : [other, one];
        if (height(low) * standsOut <= height(cell)) top[low] = high;
      }
    }
  }
  return Uint32Array.from(top, (_, cell) => find(cell));
}

/** Numbers the hills with enough twins on them; a cell of another belongs to the nearest of them. */
function numberHills({ columns, twins }: Field, hills: Uint32Array, least: number) {
  const on = new Uint32Array(hills.length);
  hills.forEach((top, cell) => {
    on[top] = (on[top] as number) + (twins[cell] as number);
  });
  const kept = [...on.keys()].filter((top) => (on[top] as number) > least);
  const place = (cell: number) => ({ x: cell % columns, y: Math.floor(cell / columns) });
  const nearest = (cell: number) => {
    const from = place(cell);
    const away = kept.map((top) => Math.hypot(place(top).x - from.x, place(top).y - from.y));
    return away.indexOf(Math.min(...away));
  };
  const numbers = new Map(kept.map((top, number) => [top, number]));
  const number = Int32Array.from(hills, (top, cell) =>
    twins[cell] ? (numbers.get(top) ?? nearest(top)) : -1,
  );
  return { number, count: kept.length };
}

function gather(
  basis: Basis,
  loose: Int32Array,
  field: Field,
  number: Int32Array,
  size: number,
): Clusters {
  const { x, y, importance } = basis;
  const of = new Int32Array(x.length).fill(-1);
  const [sumX, sumY, spread] = [
    new Float64Array(size),
    new Float64Array(size),
    new Float64Array(size),
  ];
  const count = new Uint32Array(size);
  const hub = new Int32Array(size).fill(-1);
  loose.forEach((at, place) => {
    const own = number[field.cellOf[place] as number] as number;
    of[at] = own;
    count[own] = (count[own] as number) + 1;
    sumX[own] = (sumX[own] as number) + (x[at] as number);
    sumY[own] = (sumY[own] as number) + (y[at] as number);
    const best = hub[own] as number;
    if (best < 0 || (importance[at] as number) > (importance[best] as number)) hub[own] = at;
  });
  const middleX = Float32Array.from(sumX, (sum, own) => sum / (count[own] as number));
  const middleY = Float32Array.from(sumY, (sum, own) => sum / (count[own] as number));
  for (const at of loose) {
    const own = of[at] as number;
    const dx = (x[at] as number) - (middleX[own] as number);
    const dy = (y[at] as number) - (middleY[own] as number);
    spread[own] = (spread[own] as number) + dx * dx + dy * dy;
  }
  const radius = Float32Array.from(spread, (sum, own) => Math.sqrt(sum / (count[own] as number)));
  part(middleX, middleY, radius);
  return {
    of,
    x: middleX,
    y: middleY,
    radius,
    count,
    hub,
    paint: new Uint8Array(size),
    spacing: spacingOf(field, loose.length),
    links: joined(basis, of, size),
  };
}

/** Makes circles smaller until none covers another. */
function part(x: Float32Array, y: Float32Array, radius: Float32Array): void {
  for (let one = 0; one < x.length; one++) {
    for (let other = 0; other < one; other++) {
      const away = Math.hypot(
        (x[one] as number) - (x[other] as number),
        (y[one] as number) - (y[other] as number),
      );
      const both = (radius[one] as number) + (radius[other] as number);
      const share = both > 0 ? (0.92 * away) / both : 1;
      if (share >= 1) continue;
      radius[one] = (radius[one] as number) * share;
      radius[other] = (radius[other] as number) * share;
    }
  }
}

/** As the twins themselves find it: most of them are where it is dense. */
function spacingOf({ twins, side }: Field, all: number): number {
  let squares = 0;
  for (const here of twins) squares += here * here;
  return side / Math.sqrt(squares / all);
}

function joined({ source, target }: Basis, of: Int32Array, size: number): Uint32Array {
  const between = new Uint32Array(size * size);
  for (let edge = 0; edge < source.length; edge++) {
    const [a, b] = [of[source[edge] as number] as number, of[target[edge] as number] as number];
    if (a < 0 || b < 0 || a === b) continue;
    const pair = Math.min(a, b) * size + Math.max(a, b);
    between[pair] = (between[pair] as number) + 1;
  }
  const links: number[] = [];
  between.forEach((many, pair) => {
    if (many > 0) links.push(Math.floor(pair / size), pair % size, many);
  });
  return Uint32Array.from(links);
}

/** The cluster at a drawing point. */
export function clusterAt({ x, y, radius }: Clusters, at: { x: number; y: number }): number | null {
  const found = x.findIndex(
    (middle, own) =>
      Math.hypot(at.x - middle, at.y - (y[own] as number)) <= (radius[own] as number),
  );
  return found < 0 ? null : found;
}

/** What to show for a cluster as large as it goes. */
export function clusterRect({ x, y, radius }: Clusters, own: number): Rect {
  const reach = 1.6 * (radius[own] as number);
  return {
    x: (x[own] as number) - reach,
    y: (y[own] as number) - reach,
    width: 2 * reach,
    height: 2 * reach,
  };
}
