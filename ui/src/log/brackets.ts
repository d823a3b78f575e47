import type { LogRow } from "../wire/LogRow";

/** How a row is joined to its neighbours of the same trace. */
export type Bracket = "alone" | "first" | "middle" | "last";

/** Brackets for rows in the order in which they are shown. */
export function brackets(rows: readonly Pick<LogRow, "trace">[]): Bracket[] {
  return rows.map((row, at) => {
    const above = at > 0 && rows[at - 1]?.trace === row.trace && row.trace !== "";
    const below = rows[at + 1]?.trace === row.trace && row.trace !== "";
    if (above) return below ? "middle" : "last";
    return below ? "first" : "alone";
  });
}
