import { expect, test } from "vitest";
import type { QueryRow } from "../wire/QueryRow";
import { cellOf, changedCells, columnsOf, sorted, twinOf } from "./table";

const row = (value: Record<string, unknown>, id = 0, twins: string[] = []): QueryRow => ({
  id,
  twins,
  value,
});
const names = (rows: QueryRow[]) => columnsOf(rows).map(({ name }) => name);

test("a document's columns: its id, its model, its properties", () => {
  const document = {
    name: "x",
    $etag: "1",
    $metadata: { $model: "dtmi:a;1", name: {} },
    $dtId: "a",
  };
  expect(names([row(document), row({ later: 1 })])).toEqual([
    "$dtId",
    "$metadata.$model",
    "name",
    "later",
  ]);
});

test("documents under aliases are opened, each alias by itself", () => {
  const one = { t: 1, $etag: "1", $dtId: "a" };
  const other = { $dtId: "b", $etag: "2" };
  expect(names([row({ A: one, B: other, n: { deep: 1 } })])).toEqual([
    "n",
    "A.$dtId",
    "A.t",
    "B.$dtId",
  ]);
});

test("rows are in the order of a column, those without a value last", () => {
  const rows = [10, null, 9, undefined, 100].map((n, id) => row({ n }, id));
  const [column] = columnsOf(rows);
  expect(sorted(rows, column, false).map(({ id }) => id)).toEqual([2, 0, 4, 1, 3]);
  expect(sorted(rows, column, true).map(({ id }) => id)).toEqual([4, 0, 2, 1, 3]);
  const texts = ["Room_10", "Room_9", "room_1"].map((n, id) => row({ n }, id));
  expect(sorted(texts, column, false).map(({ id }) => id)).toEqual([2, 1, 0]);
  expect(sorted(rows, undefined, true)).toBe(rows);
});

test("the twin of a row is the one that it shows", () => {
  expect(twinOf(row({ $dtId: "a" }, 0, ["b"]))).toBe("a");
  expect(twinOf(row({ n: 1, B: { $dtId: "b" } }, 0, ["a", "b"]))).toBe("b");
  expect(twinOf(row({ n: 1 }, 0, ["a"]))).toBe("a");
  expect(twinOf(row({ COUNT: 1 }))).toBeNull();
});

test("what changed in a row", () => {
  const [before, after] = [row({ a: 1, b: { c: 1 } }), row({ a: 1, b: { c: 2 } })];
  const columns = columnsOf([before]);
  expect(changedCells(before, after, columns)).toEqual(["b"]);
  expect(cellOf(after, columns[1] ?? { name: "", path: [] })).toEqual({ c: 2 });
});
