import type { Rect } from "./camera";

/** Points in a cell, on average. */
const perCell = 4;
const mostCells = 1 << 20;
/** So many points may have moved out of their cells before the index is made anew. */
const mostStrays = 512;

/** Finds points by place: equal cells with the points in each, in one array; absent ones in none. */
export class Grid {
  private cells: Uint32Array = new Uint32Array(1);
  private items: Int32Array = new Int32Array(0);
  private left = 0;
  private top = 0;
  private side = 1;
  private columns = 1;
  private rows = 1;
  private readonly strays = new Set<number>();

  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
    private readonly absent: Uint8Array,
  ) {
    this.rebuild();
  }

  /** Every point, those of one place together. */
  get all(): Int32Array {
    return this.items;
  }

  /** A point went elsewhere. */
  moved(at: number): void {
    this.strays.add(at);
    if (this.strays.size > mostStrays) this.rebuild();
  }

  /** Takes over that any number of points moved. */
  rebuild(): void {
    const { x, y, absent } = this;
    this.strays.clear();
    this.measure();
    const cells = new Uint32Array(this.columns * this.rows + 1);
    const cellOf = new Uint32Array(x.length);
    for (let at = 0; at < x.length; at++) {
      if (absent[at]) continue;
      const cell = this.row(y[at] as number) * this.columns + this.column(x[at] as number);
      cellOf[at] = cell;
      cells[cell + 1] = (cells[cell + 1] as number) + 1;
    }
    for (let cell = 1; cell < cells.length; cell++) {
      cells[cell] = (cells[cell] as number) + (cells[cell - 1] as number);
    }
    const next = cells.slice();
    const items = new Int32Array(cells[cells.length - 1] as number);
    for (let at = 0; at < x.length; at++) {
      if (absent[at]) continue;
      const cell = cellOf[at] as number;
      const place = next[cell] as number;
      items[place] = at;
      next[cell] = place + 1;
    }
    this.cells = cells;
    this.items = items;
  }

  /** Points in a rectangle, and some just beside it, into `found`; answers how many. */
  within(rect: Rect, found: Int32Array): number {
    const [first, last] = [this.column(rect.x), this.column(rect.x + rect.width)];
    const [upper, lower] = [this.row(rect.y), this.row(rect.y + rect.height)];
    let count = 0;
    for (let row = upper; row <= lower; row++) {
      const begin = this.cells[row * this.columns + first] as number;
      const end = this.cells[row * this.columns + last + 1] as number;
      if (this.strays.size === 0) {
        found.set(this.items.subarray(begin, end), count);
        count += end - begin;
        continue;
      }
      for (let place = begin; place < end; place++) {
        const at = this.items[place] as number;
        if (!this.strays.has(at)) found[count++] = at;
      }
    }
    for (const at of this.strays) {
      const [dx, dy] = [(this.x[at] as number) - rect.x, (this.y[at] as number) - rect.y];
      if (dx >= 0 && dy >= 0 && dx <= rect.width && dy <= rect.height) found[count++] = at;
    }
    return count;
  }

  private measure(): void {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let at = 0; at < this.x.length; at++) {
      if (this.absent[at]) continue;
      const x = this.x[at] as number;
      const y = this.y[at] as number;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
    if (left > right) [left, top, right, bottom] = [0, 0, 1, 1];
    const [width, height] = [Math.max(1, right - left), Math.max(1, bottom - top)];
    const wanted = Math.min(mostCells, Math.max(1, this.x.length / perCell));
    this.side = Math.max(Math.sqrt((width * height) / wanted), Math.max(width, height) / 4096);
    [this.left, this.top] = [left, top];
    this.columns = Math.floor(width / this.side) + 1;
    this.rows = Math.floor(height / this.side) + 1;
  }

  private column(x: number): number {
    return Math.min(this.columns - 1, Math.max(0, Math.floor((x - this.left) / this.side)));
  }

  private row(y: number): number {
    return Math.min(this.rows - 1, Math.max(0, Math.floor((y - this.top) / this.side)));
  }
}
