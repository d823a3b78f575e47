import type { Grid } from "./grid";

/** Twins whose middles are so near in height stand in one row, drawing units. */
const sameRow = 12;
/** What is farther away leaves room enough for any label. */
export const farthest = 300;

/** Free width around a twin for its label: the distance to the next twin in its row. */
export class Slots {
  private readonly known: Float32Array;
  private readonly near = { found: new Int32Array(0) };

  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
    private readonly grid: Grid,
  ) {
    this.known = new Float32Array(x.length).fill(Number.NaN);
  }

  /** In drawing units; Infinity where nothing is beside it. */
  of(at: number): number {
    const known = this.known[at] as number;
    if (!Number.isNaN(known)) return known;
    const measured = this.measure(at);
    this.known[at] = measured;
    return measured;
  }

  /** Twins moved. */
  forget(): void {
    this.known.fill(Number.NaN);
  }

  private measure(at: number): number {
    const { x, y, near } = this;
    if (near.found.length < x.length) near.found = new Int32Array(x.length);
    const [ownX, ownY] = [x[at] as number, y[at] as number];
    const rect = {
      x: ownX - farthest,
      y: ownY - sameRow,
      width: 2 * farthest,
      height: 2 * sameRow,
    };
    const count = this.grid.within(rect, near.found);
    let least = farthest;
    for (let place = 0; place < count; place++) {
      const other = near.found[place] as number;
      const away = Math.abs((x[other] as number) - ownX);
      if (other !== at && away < least && Math.abs((y[other] as number) - ownY) <= sameRow) {
        least = away;
      }
    }
    return least < farthest ? least : Infinity;
  }
}
