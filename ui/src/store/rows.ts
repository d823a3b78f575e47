import type { GraphMessage } from "../wire/GraphMessage";

/** No row: the parent of what nothing contains. */
export const noRow = 0xffffffff;
/** Bits of `TwinRows.flags`; the first two are the backend's. */
export const pinned = 1;
export const unplaced = 2;
/** There is no twin in this row. */
export const free = 4;
/** The user hid it. */
export const hidden = 8;

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array;

/** An array of at least so many elements, `width` of them a row, with what there was. */
function grown<T extends Numbers>(array: T, rows: number, width = 1): T {
  if (array.length >= rows * width) return array;
  const kind = array.constructor as new (length: number) => T;
  const larger = new kind(Math.max(64, rows * width, array.length * 2));
  larger.set(array);
  return larger;
}

/**
 * The twins as columns. A row keeps its twin while the twin is there; freed rows have the flag
 * `free` and are taken again. Arrays are longer than `count` and are replaced as they grow.
 */
export class TwinRows {
  /** Rows in use, free ones among them. */
  count = 0;
  readonly ids: string[] = [];
  /** Empty where the twin has no name for people. */
  readonly names: string[] = [];
  kind = new Uint16Array(0);
  /** Row of the twin that contains it, or `noRow`. */
  parent = new Uint32Array(0);
  /** Two a row: the centre. */
  place = new Float32Array(0);
  flags = new Uint8Array(0);
  /** Not a number where there is none. */
  value = new Float64Array(0);
  /** ms since the Unix epoch. */
  updated = new Float64Array(0);

  grow(rows: number): void {
    if (rows <= this.count) return;
    this.kind = grown(this.kind, rows);
    this.parent = grown(this.parent, rows);
    this.place = grown(this.place, rows, 2);
    this.flags = grown(this.flags, rows);
    this.value = grown(this.value, rows);
    this.updated = grown(this.updated, rows);
    this.flags.fill(free | unplaced, this.count, rows);
    this.parent.fill(noRow, this.count, rows);
    this.value.fill(Number.NaN, this.count, rows);
    this.count = rows;
  }

  clear(): void {
    this.count = 0;
    this.ids.length = 0;
    this.names.length = 0;
  }

  isFree(row: number): boolean {
    return row >= this.count || ((this.flags[row] ?? free) & free) !== 0;
  }

  /** Whether it is to be drawn. */
  isShown(row: number): boolean {
    return row < this.count && ((this.flags[row] ?? free) & (free | unplaced | hidden)) === 0;
  }
}

/** The relationships as columns, in rows like those of the twins. A free one ends at `noRow`. */
export class EdgeRows {
  count = 0;
  /** Two a row: the rows of source and target. */
  ends = new Uint32Array(0);
  /** Index into `relationshipNames`. */
  name = new Uint16Array(0);

  grow(rows: number): void {
    if (rows <= this.count) return;
    this.ends = grown(this.ends, rows, 2);
    this.name = grown(this.name, rows);
    this.ends.fill(noRow, 2 * this.count, 2 * rows);
    this.count = rows;
  }

  clear(): void {
    this.count = 0;
  }

  source(row: number): number {
    return this.ends[2 * row] ?? noRow;
  }

  target(row: number): number {
    return this.ends[2 * row + 1] ?? noRow;
  }
}

/** The greatest row of a column, plus one. */
export function rowsIn(rows: GraphMessage["twinRow"]): number {
  let count = 0;
  for (const row of rows) if (row >= count) count = row + 1;
  return count;
}
