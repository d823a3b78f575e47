import { expect, test } from "vitest";
import type { QueryChanges } from "../wire/QueryChanges";
import type { QueryRow } from "../wire/QueryRow";
import { Rows } from "./rows";

const row = (id: number, t: number): QueryRow => ({ id, twins: [], value: { t, n: "x" } });
const changes = (some: Partial<QueryChanges>): QueryChanges => ({
  revision: 1,
  startOver: false,
  came: [],
  went: [],
  changed: [],
  ...some,
});

test("rows come, change and go, and those that did are marked for a second", () => {
  const rows = new Rows();
  expect(rows.take(changes({ startOver: true, came: [row(1, 1), row(2, 2)] }), 0)).toBe(true);
  expect(rows.marks().size).toBe(0);
  expect(rows.take(changes({}), 0)).toBe(false);
  rows.take(changes({ came: [row(3, 3)], changed: [row(2, 5)], went: [1] }), 100);
  expect(rows.all().map(({ id }) => id)).toEqual([3, 2]);
  expect(rows.all()[1]?.value.t).toBe(5);
  expect(rows.marks().get(3)).toEqual({ at: 100, cells: null });
  expect(rows.marks().get(2)).toEqual({ at: 100, cells: ["t"] });
  rows.take(changes({ changed: [row(3, 4)] }), 5000);
  expect([...rows.marks().keys()]).toEqual([3]);
});
