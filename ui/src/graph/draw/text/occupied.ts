const cell = 4;

/** Which parts of the screen have a text already, or must not be covered by one. */
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
    const rows = this.rowsOf(left, top, width, height);
    if (rows.length === 0 || rows.some((cells) => cells.includes(1))) return false;
    for (const cells of rows) cells.fill(1);
    return true;
  }

  /** Takes a place, whatever is there already. */
  cover(left: number, top: number, width: number, height: number): void {
    for (const cells of this.rowsOf(left, top, width, height)) cells.fill(1);
  }

  private rowsOf(left: number, top: number, width: number, height: number): Uint8Array[] {
    // To the nearest cell: texts that stand side by side in a row are told apart by their ends.
    const first = Math.max(0, Math.round(left / cell));
    const last = Math.min(this.columns - 1, Math.round((left + width) / cell) - 1);
    const upper = Math.max(0, Math.floor(top / cell));
    const lower = Math.min(this.rows - 1, Math.floor((top + height) / cell));
    const rows: Uint8Array[] = [];
    for (let row = upper; last >= first && row <= lower; row++) {
      const begin = row * this.columns;
      rows.push(this.cells.subarray(begin + first, begin + last + 1));
    }
    return rows;
  }
}
