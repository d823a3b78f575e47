import type { QueryChanges } from "../wire/QueryChanges";
import type { QueryRow } from "../wire/QueryRow";
import { changedCells, columnsOf } from "./table";

/** That a row just came or changed. */
export interface Mark {
  /** When, by the clock of `performance.now()`; tells one change from the next. */
  at: number;
  /** Names of the columns that changed; `null` where the whole row came. */
  cells: readonly string[] | null;
}

/** How long a mark is of use: as long as the glow, ms. */
const markedFor = 1000;

/** The loaded rows of a query. New ones of a live query stand on top. */
export class Rows {
  private rows = new Map<number, QueryRow>();
  private fresh = new Map<number, Mark>();

  all(): readonly QueryRow[] {
    return [...this.rows.values()];
  }

  marks(): ReadonlyMap<number, Mark> {
    return new Map(this.fresh);
  }

  clear(): void {
    this.rows.clear();
    this.fresh.clear();
  }

  add(rows: readonly QueryRow[]): void {
    for (const row of rows) this.rows.set(row.id, row);
  }

  /** Takes over what became of the rows; answers whether anything did. */
  take(changes: QueryChanges, now: number): boolean {
    if (changes.startOver) {
      this.clear();
      this.add(changes.came);
      return true;
    }
    const { came, went, changed } = changes;
    for (const [id, { at }] of this.fresh) if (now - at > markedFor) this.fresh.delete(id);
    if (came.length + went.length + changed.length === 0) return false;
    for (const id of went) this.rows.delete(id);
    const columns = columnsOf(changed.slice(0, 100));
    for (const row of changed) {
      const before = this.rows.get(row.id);
      const cells = before ? changedCells(before, row, columns) : null;
      if (cells === null || cells.length > 0) this.fresh.set(row.id, { at: now, cells });
      this.rows.set(row.id, row);
    }
    if (came.length > 0) {
      for (const { id } of came) this.fresh.set(id, { at: now, cells: null });
      this.rows = new Map([...came.map((row) => [row.id, row] as const), ...this.rows]);
    }
    return true;
  }
}
