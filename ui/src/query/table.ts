import { plain } from "../look/format";
import type { QueryRow } from "../wire/QueryRow";

/** A column of a table: where its values stand in a row. */
export interface Column {
  name: string;
  path: readonly string[];
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isDocument = (value: unknown): value is Fields => isFields(value) && "$etag" in value;

/** Rows looked at for columns; what comes later in others shows in the JSON. */
const lookedAt = 1000;

/**
 * The columns of some rows, ids first. A document under an alias is opened; `$etag` tells people
 * nothing, and of `$metadata` only the model is shown.
 */
export function columnsOf(rows: readonly QueryRow[]): Column[] {
  const found = new Map<string, Column>();
  const add = (path: string[], value: unknown) => {
    const last = path.at(-1);
    if (last === "$etag") return;
    const model = last === "$metadata" && isFields(value) ? [...path, "$model"] : path;
    const name = model.join(".");
    if (!found.has(name)) found.set(name, { name, path: model });
  };
  for (const { value } of rows.slice(0, lookedAt)) {
    for (const [key, inner] of Object.entries(value)) {
      if (!isDocument(inner)) add([key], inner);
      else for (const [name, of] of Object.entries(inner)) add([key, name], of);
    }
  }
  const rank = ({ path }: Column) =>
    path.at(-1) === "$dtId" ? 0 : path.at(-1) === "$model" ? 1 : 2;
  return [...found.values()]
    .map((column, at) => ({ column, at, alias: aliasRank(found, column), rank: rank(column) }))
    .sort((a, b) => a.alias - b.alias || a.rank - b.rank || a.at - b.at)
    .map(({ column }) => column);
}

/** Columns of one alias stand together, in the order in which the aliases first came. */
function aliasRank(found: Map<string, Column>, { path }: Column): number {
  const nested = [...found.values()].some(
    (column) => column.path[0] === path[0] && isNested(column),
  );
  if (!nested) return -1;
  return [...new Set([...found.values()].map((column) => column.path[0]))].indexOf(path[0]);
}

const isNested = ({ path }: Column) => path.length > 1 && path[0] !== "$metadata";

/** The value of a row in a column; `undefined` where it has none. */
export function cellOf(row: QueryRow, { path }: Column): unknown {
  let value: unknown = row.value;
  for (const name of path) value = isFields(value) ? value[name] : undefined;
  return value;
}

/** The twin that a row is about: the one it shows, else the first that it binds. */
export function twinOf({ value, twins }: QueryRow): string | null {
  for (const document of [value, ...Object.values(value)]) {
    if (isFields(document) && typeof document.$dtId === "string") return document.$dtId;
  }
  return twins[0] ?? null;
}

export interface Order {
  column: string;
  down: boolean;
}

/** Rows in the order of a column: numbers by size, texts by their letters, nothing last. */
export function sorted(
  rows: readonly QueryRow[],
  column: Column | undefined,
  down: boolean,
): readonly QueryRow[] {
  if (!column) return rows;
  const letters = new Intl.Collator(undefined, { numeric: true });
  const keyed = rows.map((row) => ({ row, key: cellOf(row, column) }));
  const compare = (a: unknown, b: unknown): number => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return letters.compare(plain(a), plain(b));
  };
  keyed.sort((one, other) => {
    const [none, no] = [
      one.key === undefined || one.key === null,
      other.key === undefined || other.key === null,
    ];
    if (none || no) return Number(none) - Number(no);
    return down ? compare(other.key, one.key) : compare(one.key, other.key);
  });
  return keyed.map(({ row }) => row);
}

/** Which columns of a row differ. */
export function changedCells(
  before: QueryRow,
  after: QueryRow,
  columns: readonly Column[],
): string[] {
  const differ = (column: Column) =>
    JSON.stringify(cellOf(before, column)) !== JSON.stringify(cellOf(after, column));
  return columns.filter(differ).map(({ name }) => name);
}

const letter = 7.4;
const [narrowest, widest] = [88, 300];

/** The width of each column, pixels: of its name and of what the first rows have in it. */
export function widthsOf(columns: readonly Column[], rows: readonly QueryRow[]): number[] {
  return columns.map((column) => {
    const texts = rows.slice(0, 50).map((row) => plain(cellOf(row, column)).length);
    const most = Math.max(column.name.length + 2, ...texts);
    return Math.round(Math.min(widest, Math.max(narrowest, most * letter + 20)));
  });
}
