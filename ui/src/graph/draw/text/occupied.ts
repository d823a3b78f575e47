const cell = 4;

/** Which parts of the screen have a text already. */
export class Occupied {
  private readonly columns: number;
  private readonly rows: number;
  private readonly cells: Uint8Array;

  constructor(width: number, height: number) {
    this.columns = Math.ceil(width / cell) + 1;
    this.rows = Math.ceil(height / cell) + 1;
    this.cells = new Uint8Array(this.columns * this.rows);
  }

  /** Takes a place; answers whether it was free. */
  take(left: number, top: number, width: number, height: number): boolean {
    // To the nearest cell: texts that stand side by side in a row are told apart by their ends.
    const first = Math.max(0, Math.round(left / cell));
    const last = Math.min(this.columns - 1, Math.round((left + width) / cell) - 1);
    const upper = Math.max(0, Math.floor(top / cell));
    const lower = Math.min(this.rows - 1, Math.floor((top + height) / cell));
    if (last < first || lower < upper) return false;
    for (let row = upper; row <= lower; row++) {
      const begin = row * this.columns;
      if (this.cells.subarray(begin + first, begin + last + 1).includes(1)) return false;
    }
    for (let row = upper; row <= lower; row++) {
      this.cells.fill(1, row * this.columns + first, row * this.columns + last + 1);
    }
    return true;
  }
}
